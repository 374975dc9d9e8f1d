import { type FieldSpec, numElements } from "@anneal/data";
import type { ModelContext } from "./define.ts";

/** What a recipe's model() is given. */
export function modelContext(options: {
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly inputs: FieldSpec;
  readonly labels: FieldSpec;
  readonly numClasses: number | null;
}): ModelContext<Readonly<Record<string, unknown>>> {
  const { parameters, inputs, labels, numClasses } = options;
  return { parameters, inputShape: [...inputs.shape], numClasses: numClasses ?? numElements(labels.shape) };
}
