import { simpleCall, type Value } from "@anneal/graph";
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

/**
 * Gradients of a loss that was multiplied by `lossScale`, as those of the loss itself: the scale is a power of two, and so exact. By
 * `Div`, whose row knows no 16-bit floats: what is too small for them is divided in float32.
 */
export function unscaled(gradients: ReadonlyMap<string, Value>, lossScale: Value | null): ReadonlyMap<string, Value> {
  if (lossScale === null) return gradients;
  const divided = ([name, gradient]: readonly [string, Value]) =>
    [name, simpleCall("Div", [gradient, lossScale], { scope: name })] as const;
  return new Map([...gradients].map(divided));
}
