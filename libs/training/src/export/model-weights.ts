import type { NamedTensor } from "@anneal/checkpoint";
import { type TensorSource, weightDtype } from "@anneal/export";
import { handleOfVariable } from "../engine/trace-predict.ts";

/** The weights of a model, by the handles of its trace. */
export function weightsOf(model: readonly NamedTensor[]): ReadonlyMap<string, TensorSource> {
  return new Map(
    model.map(({ name, dtype, shape, data }) => {
      const type = { dtype: weightDtype(dtype), shape };
      return [handleOfVariable(name), { type, read: () => data as Float32Array }];
    }),
  );
}
