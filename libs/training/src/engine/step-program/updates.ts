import { makeValue, scalar, simpleCall, typeAttribute, type Value } from "@anneal/graph";
import type { GraphVariable } from "../../optimizers/compiled-optimizer.ts";
import { slotsOf } from "../../optimizers/eager-optimizer.ts";
import type { RecipeStep } from "../recipe-step.ts";
import type { StepState } from "./state.ts";

/** The variables that gradients are there for, as the optimizer takes them. */
export function graphVariables(
  step: RecipeStep,
  state: StepState,
  gradients: ReadonlyMap<string, Value>,
  reads: ReadonlyMap<string, Value>,
): readonly GraphVariable[] {
  const slots = new Map(state.optimizer.map(({ name, handle }) => [name, handle]));
  const handles = handlesOf(state);
  return step.trained.flatMap(({ name, variable }): readonly GraphVariable[] => {
    const gradient = gradients.get(name);
    if (gradient === undefined) return [];
    const own = slotsOf(step.options.optimizer).map((slot) => [slot, slots.get(`${name}/${slot}`)!] as const);
    return [
      {
        name,
        shape: variable.shape,
        handle: handles.get(name)!,
        read: reads.get(name)!,
        slots: Object.fromEntries(own),
        gradient,
      },
    ];
  });
}

export function handlesOf({ model }: StepState): ReadonlyMap<string, Value> {
  return new Map(model.map(({ name, handle }) => [name, handle]));
}

/** Gradients of a loss that was multiplied by `lossScale`, as those of the loss itself, float32: the scale is a power of two. */
export function unscaled(gradients: ReadonlyMap<string, Value>, lossScale: Value | null): ReadonlyMap<string, Value> {
  if (lossScale === null) return gradients;
  const inverse = makeValue("RealDiv", [scalar(1), lossScale], typeAttribute("T", "float32"));
  return new Map(
    [...gradients].map(([name, gradient]) => [name, simpleCall("Mul", [gradient, inverse], { scope: name })]),
  );
}
