import type { Entry } from "@anneal/compiler";
import {
  assignVariable,
  type Dtype,
  makeValue,
  placeholder,
  readVariable,
  scalar,
  type TensorType,
  typeAttribute,
  type Value,
  variableHandle,
} from "@anneal/graph";
import { slotsOf } from "../../optimizers/eager-optimizer.ts";
import type { RecipeStep } from "../recipe-step.ts";

/** A variable of the session. */
export interface StateVariable {
  readonly name: string;
  readonly type: TensorType;
  readonly handle: Value;
}

/** What the session keeps between steps: variables of the model and of the optimizer. */
export interface StepState {
  readonly model: readonly StateVariable[];
  readonly optimizer: readonly StateVariable[];
}

export function stepStateOf({ variables, trained, options }: RecipeStep): StepState {
  return {
    model: variables.map(({ name, variable }) =>
      stateVariable("state", name, { dtype: variable.dtype as Dtype, shape: variable.shape }),
    ),
    optimizer: trained.flatMap(({ name, variable }) =>
      slotsOf(options.optimizer).map((slot) =>
        stateVariable("state", `${name}/${slot}`, { dtype: "float32", shape: variable.shape }),
      ),
    ),
  };
}

export function stateVariable(group: string, name: string, type: TensorType): StateVariable {
  return { name, type, handle: variableHandle(`${group}/${name}`, type) };
}

/** Feeds: a value for each variable, model first. Fetches: a float that says nothing. */
export function loadEntry({ model, optimizer }: StepState): Entry {
  const feeds: Value[] = [];
  const controls = [...model, ...optimizer].map(({ name, type, handle }) => {
    const fed = placeholder(`load/${name}`, type);
    feeds.push(fed);
    return assignVariable(handle, fed);
  });
  return { feeds, fetches: [makeValue("Identity", [scalar(0)], typeAttribute("T", "float32"), { controls })] };
}

/** Feeds nothing. Fetches every variable, model first. */
export function readEntry({ model, optimizer }: StepState): Entry {
  return { feeds: [], fetches: [...model, ...optimizer].map(({ handle, type }) => readVariable(handle, type)) };
}
