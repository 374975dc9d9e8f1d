import type { Entry } from "@anneal/compiler";
import { AnnealError } from "@anneal/contracts";
import {
  assignVariable,
  intVector,
  makeNode,
  makeValue,
  type Node,
  placeholder,
  readVariable,
  type TensorType,
  typeAttribute,
  type Value,
} from "@anneal/graph";
import { numStepScalars, updateNodes } from "../../optimizers/compiled-optimizer.ts";
import type { RecipeStep } from "../recipe-step.ts";
import { scalesLoss } from "../step-engine.ts";
import { finite, gateOf, gradientScale, whenDone } from "./gates.ts";
import { type StateVariable, type StepState, stateVariable } from "./state.ts";
import { batchFeeds, type StepFit, type TraceContext, traceGradients } from "./trace-step.ts";
import { graphVariables, handlesOf, unscaled } from "./updates.ts";

/**
 * A step on the parts of a batch, as calls: `accumulate` for each part, then `apply`. Between steps all gradients are zero and all
 * staged values are those of the model: no checkpoint has either.
 */
export interface Accumulation {
  /** Sums of gradients, by the names of their variables. */
  readonly gradients: readonly StateVariable[];
  /**
   * What the step assigns to variables itself, such as moving averages: part by part in a copy, and in the model with the updates,
   * since a step that is not finite changes nothing.
   */
  readonly staged: readonly StateVariable[];
}

/** @throws AnnealError POLICY_UNSUPPORTED for a step that assigns to a variable that it trains: which of the two would come first? */
export function accumulationOf(step: RecipeStep, { model }: StepState, fit: StepFit): Accumulation {
  const both = step.trained.find(({ name }) => fit.assigned.has(name));
  if (both !== undefined) throw assignsToTrained(both.name);
  const copies = (group: string, names: ReadonlySet<string>): readonly StateVariable[] =>
    model.filter(({ name }) => names.has(name)).map(({ name, type }) => stateVariable(group, name, type));
  return { gradients: copies("accumulated", fit.differentiated), staged: copies("staged", fit.assigned) };
}

const number: TensorType = { dtype: "float32", shape: [] };
const float = typeAttribute("T", "float32");

/**
 * Adds the gradients of a part of a batch to the sums. Feeds: inputs, labels, the step, and what the loss is multiplied by: the part's
 * share of the batch, times the loss scale. Fetches sums of loss and metrics, float32 `[1 + metrics]`.
 */
export function accumulateEntry(context: TraceContext, accumulation: Accumulation): Entry {
  const prefix = `accumulate${context.numSamples}`;
  const feeds = batchFeeds(context, prefix);
  const factor = placeholder(`${prefix}/factor`, number);
  const staged = handlesByName(accumulation.staged);
  const { report, gradients, assigned, reads } = traceGradients(context, feeds, { factor, handles: staged });
  const sums = handlesByName(accumulation.gradients);
  const additions = [...gradients].map(([name, gradient]) =>
    makeNode("AssignAddVariableOp", [sums.get(name)!, gradient], typeAttribute("dtype", "float32"), { scope: name }),
  );
  const assignments = [...assigned].map(([name, value]) =>
    assignVariable(staged.get(name)!, value, { controls: [reads.get(name)!.node], scope: name }),
  );
  const fetch = makeValue("Identity", [report], float, { controls: [...additions, ...assignments] });
  return { feeds: [...feeds.values, factor], fetches: [fetch] };
}

/**
 * Updates the variables by the summed gradients, and begins new sums. Feeds: the optimizer's scalars, zero, and the loss scale where the
 * loss is scaled. Fetches a number that is finite where all gradients are: elsewhere nothing was updated.
 */
export function applyEntry({ step, state }: TraceContext, accumulation: Accumulation): Entry {
  const scalars = placeholder("apply/scalars", { dtype: "float32", shape: [numStepScalars] });
  const zero = placeholder("apply/zero", number);
  const lossScale = scalesLoss(step.options) ? placeholder("apply/lossScale", number) : null;
  const sums = new Map(accumulation.gradients.map((sum) => [sum.name, readVariable(sum.handle, sum.type)]));
  const reads = new Map(state.model.map(({ name, handle, type }) => [name, readVariable(handle, type)]));
  const trained = graphVariables(step, state, unscaled(sums, lossScale), reads);
  const scale = gradientScale(trained.map(({ gradient }) => gradient));
  const isSound = finite(scale);
  const gate = gateOf(isSound);
  const handles = handlesOf(state);
  const assignments = accumulation.staged.map(({ name, handle, type }) =>
    assignVariable(handles.get(name)!, gate(readVariable(handle, type)), { scope: name }),
  );
  const done = whenDone(isSound, [...updateNodes(step.options.optimizer, trained, gate(scalars)), ...assignments]);
  const controls = beginNodes(state.model, accumulation, zero, [done]);
  return {
    feeds: [scalars, zero, ...(lossScale === null ? [] : [lossScale])],
    fetches: [makeValue("Identity", [scale], float, { controls })],
  };
}

/** Begins new sums, whatever was summed. Feeds zero. Fetches a float that says nothing. */
export function clearEntry({ state }: TraceContext, accumulation: Accumulation): Entry {
  const zero = placeholder("clear/zero", number);
  const controls = beginNodes(state.model, accumulation, zero, []);
  return { feeds: [zero], fetches: [makeValue("Identity", [zero], float, { controls })] };
}

/** Zero is fed: TensorFlow would keep constant zeros, as many as there are weights, for as long as the session lives. */
function beginNodes(
  model: readonly StateVariable[],
  { gradients, staged }: Accumulation,
  zero: Value,
  controls: readonly Node[],
): readonly Node[] {
  const fill = { ...typeAttribute("index_type", "int32"), ...float };
  const own = new Map(model.map((variable) => [variable.name, variable]));
  return [
    ...gradients.map(({ name, handle, type }) =>
      makeNode(
        "AssignVariableOp",
        [handle, makeValue("Fill", [intVector(type.shape), zero], fill)],
        typeAttribute("dtype", "float32"),
        { controls, scope: name },
      ),
    ),
    ...staged.map(({ name, handle, type }) =>
      assignVariable(handle, readVariable(own.get(name)!.handle, type, { controls }), { controls, scope: name }),
    ),
  ];
}

function assignsToTrained(name: string): AnnealError {
  return new AnnealError(
    "POLICY_UNSUPPORTED",
    `the model assigns to ${name} while it trains it: that cannot be done by micro-batches`,
    "Train without micro-batches, or let the model assign to variables that are not trained alone.",
    { option: "microBatches", variable: name },
  );
}

function handlesByName(variables: readonly StateVariable[]): ReadonlyMap<string, Value> {
  return new Map(variables.map(({ name, handle }) => [name, handle]));
}
