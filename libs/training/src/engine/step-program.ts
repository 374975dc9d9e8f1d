import { type Entry, trace } from "@anneal/compiler";
import {
  assignVariable,
  attribute,
  type Dtype,
  makeNode,
  makeValue,
  type Node,
  placeholder,
  readVariable,
  scalar,
  type TensorType,
  typeAttribute,
  typeOf,
  type Value,
  variableHandle,
} from "@anneal/graph";
import type { SeededRandom, Tfjs } from "@anneal/runtime";
import type { Tensor, Tensor1D } from "@tensorflow/tfjs";
import { type GraphVariable, numStepScalars, updateNodes } from "../optimizers/compiled-optimizer.ts";
import { slotsOf } from "../optimizers/eager-optimizer.ts";
import { withLayerScopes } from "./layer-scopes.ts";
import { checkFit, differentiate, evaluate, type RecipeStep } from "./recipe-step.ts";

/** A variable of the session: of the model or of the optimizer. */
export interface StateVariable {
  readonly name: string;
  readonly type: TensorType;
  readonly handle: Value;
}

/** Everything that the session keeps between calls. */
export interface StepState {
  readonly model: readonly StateVariable[];
  readonly optimizer: readonly StateVariable[];
}

export function stepStateOf({ variables, trained, options }: RecipeStep): StepState {
  const stateVariable = (name: string, type: TensorType): StateVariable => ({
    name,
    type,
    handle: variableHandle(`state/${name}`, type),
  });
  return {
    model: variables.map(({ name, variable }) =>
      stateVariable(name, { dtype: variable.dtype as Dtype, shape: variable.shape }),
    ),
    optimizer: trained.flatMap(({ name, variable }) =>
      slotsOf(options.optimizer).map((slot) =>
        stateVariable(`${name}/${slot}`, { dtype: "float32", shape: variable.shape }),
      ),
    ),
  };
}

/** Random draws of a traced step: they follow the step that is fed. */
export interface TracedRandom {
  /** The step's number, int32 of shape []; null outside of a trace. */
  step: Tensor | null;
}

/** The key of a random op: the place in the program, and the step that is fed. */
export function tracedKey(tf: Tfjs, traced: TracedRandom): (first: number, step: number) => Tensor1D {
  return (first, step) => {
    if (traced.step === null) return tf.tensor1d([first, step], "int32");
    return tf.stack([tf.scalar(first, "int32"), traced.step]) as Tensor1D;
  };
}

export interface TraceContext {
  readonly tf: Tfjs;
  readonly step: RecipeStep;
  readonly state: StepState;
  readonly random: SeededRandom;
  readonly traced: TracedRandom;
  readonly numSamples: number;
  /** Steps that one call of the entry makes, each on a batch of its own: more than one only to train. */
  readonly numSteps: number;
}

export type BatchKind = "train" | "evaluate" | "predict";

/**
 * What a batch of a given size does, of each kind. Feeds: inputs; except for "predict" labels and the step, int32; for "train" the
 * optimizer's scalars. Fetches: sums of loss and metrics, float32 `[1 + metrics]`, for "train" also a number that is finite where
 * all gradients are; for "predict" the outputs. Where loss or gradients are not finite, "train" updates nothing.
 *
 * "train" with `numSteps` above 1 is so many steps one after another: feeds of the first, then of the second, and so on; fetches
 * `[numSteps, 1 + metrics]` and `[numSteps]`. After a step that is not finite the others update nothing either.
 */
export const batchEntry: Readonly<Record<BatchKind, (context: TraceContext) => Entry>> = {
  train: trainEntry,
  evaluate: evaluateEntry,
  predict: predictEntry,
};

/**
 * Checks the fit of data, model, loss and metrics by their types; returns the shape of one output.
 *
 * @throws AnnealError SHAPE_MISMATCH, RECIPE_INVALID, RECIPE_THREW, TRACE_UNSUPPORTED
 */
export function traceFit(context: TraceContext): readonly number[] {
  let outputShape: readonly number[] = [];
  traceStep(context, batchFeeds(context, "fit"), (step, inputs, labels) => {
    outputShape = checkFit(context.tf, step, inputs, labels);
    return {};
  });
  return outputShape;
}

function trainEntry(context: TraceContext): Entry {
  const { numSamples, numSteps } = context;
  const prefix = `train${numSamples}`;
  const updates: TracedUpdate[] = [];
  for (let index = 0; index < numSteps; index++) {
    const own = numSteps === 1 ? prefix : `${prefix}x${numSteps}/${index}`;
    updates.push(traceUpdate(context, own, updates.at(-1) ?? null));
  }
  const options = { controls: [updates.at(-1)!.done] };
  const [first, ...others] = updates as [TracedUpdate, ...TracedUpdate[]];
  const float = typeAttribute("T", "float32");
  const pack = (values: readonly Value[]) =>
    makeValue("Pack", values, { ...float, N: attribute.int(values.length), axis: attribute.int(0) }, options);
  return {
    feeds: updates.flatMap(({ feeds }) => feeds),
    fetches:
      others.length === 0
        ? [makeValue("Identity", [first.report], float, options), first.scale]
        : [pack(updates.map(({ report }) => report)), pack(updates.map(({ scale }) => scale))],
  };
}

/** One step of an entry. */
interface TracedUpdate {
  readonly feeds: readonly Value[];
  readonly report: Value;
  /** Finite where all gradients are. */
  readonly scale: Value;
  /** Whether this step and all before it are finite: otherwise it updates nothing. */
  readonly isSound: Value;
  /** Runs once the updates have, or were kept from it. */
  readonly done: Node;
}

function traceUpdate(context: TraceContext, prefix: string, before: TracedUpdate | null): TracedUpdate {
  const { tf, step, state } = context;
  const feeds = batchFeeds(context, prefix);
  const scalars = placeholder(`${prefix}/scalars`, { dtype: "float32", shape: [numStepScalars] });
  const gradientNames = new Map(step.trained.map(({ name, variable }) => [variable.name, name]));
  const body: StepBody = (scoped, inputs, labels) => {
    const { loss, report, gradients } = differentiate(tf, scoped, inputs, labels);
    const named = Object.entries(gradients).map(([name, gradient]) => [
      `gradient/${gradientNames.get(name)}`,
      gradient,
    ]);
    return { loss, report, ...Object.fromEntries(named) };
  };
  const traced = traceStep(context, feeds, body, before === null ? [] : [before.done]);
  const slots = new Map(state.optimizer.map(({ name, handle }) => [name, handle]));
  const handles = new Map(state.model.map(({ name, handle }) => [name, handle]));
  const trained = step.trained.flatMap(({ name, variable }): readonly GraphVariable[] => {
    const gradient = traced.outputs[`gradient/${name}`];
    if (gradient === undefined) return [];
    const own = slotsOf(step.options.optimizer).map((slot) => [slot, slots.get(`${name}/${slot}`)!] as const);
    return [
      {
        name,
        shape: variable.shape,
        handle: handles.get(name)!,
        read: traced.reads.get(name)!,
        slots: Object.fromEntries(own),
        gradient,
      },
    ];
  });
  const scale = gradientScale(trained.map(({ gradient }) => gradient));
  const own = both(finite(traced.outputs.loss!), finite(scale));
  const isSound = before === null ? own : both(before.isSound, own);
  const gate = gateOf(isSound);
  const assignments = [...traced.assigned].map(([name, value]) =>
    assignVariable(handles.get(name)!, gate(value), { controls: [traced.reads.get(name)!.node], scope: name }),
  );
  const updates = [...updateNodes(step.options.optimizer, trained, gate(scalars)), ...assignments];
  return {
    feeds: [...feeds.values, scalars],
    report: traced.outputs.report!,
    scale,
    isSound,
    done: whenDone(isSound, updates),
  };
}

function evaluateEntry(context: TraceContext): Entry {
  const { tf } = context;
  const feeds = batchFeeds(context, `evaluate${context.numSamples}`);
  const { outputs } = traceStep(context, feeds, (step, inputs, labels) => ({
    report: evaluate(tf, step, inputs, labels).report,
  }));
  return { feeds: feeds.values, fetches: [outputs.report!] };
}

function predictEntry(context: TraceContext): Entry {
  const feeds = batchFeeds(context, `predict${context.numSamples}`);
  const { outputs } = traceStep(context, feeds, (step, inputs) => ({
    outputs: step.model.apply(inputs, { training: false }) as Tensor,
  }));
  return { feeds: [feeds.inputs], fetches: [outputs.outputs!] };
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

interface BatchFeeds {
  readonly inputs: Value;
  readonly labels: Value;
  readonly step: Value;
  readonly values: readonly Value[];
}

function batchFeeds({ step: { options }, numSamples }: TraceContext, prefix: string): BatchFeeds {
  const { inputs, labels } = options;
  const fed = {
    inputs: placeholder(`${prefix}/inputs`, { dtype: inputs.dtype, shape: [numSamples, ...inputs.shape] }),
    labels: placeholder(`${prefix}/labels`, { dtype: labels.dtype, shape: [numSamples, ...labels.shape] }),
    step: placeholder(`${prefix}/step`, { dtype: "int32", shape: [] }),
  };
  return { ...fed, values: [fed.inputs, fed.labels, fed.step] };
}

type StepBody = (step: RecipeStep, inputs: Tensor, labels: Tensor) => Readonly<Record<string, Tensor>>;

function traceStep(
  { tf, step, state, random, traced }: TraceContext,
  { inputs, labels, step: number }: BatchFeeds,
  body: StepBody,
  readsAfter: readonly Node[] = [],
) {
  const variables = state.model.map(({ name, handle }, index) => ({
    name,
    handle,
    variable: step.variables[index]!.variable,
  }));
  // Draws are counted from the step's begin; which step it is, the graph is told.
  random.beginStep(0);
  return trace(tf, {
    inputs: { inputs, labels, number },
    variables,
    readsAfter,
    body: (fed, scope) => {
      traced.step = fed.number;
      try {
        return withLayerScopes(step.model, scope, () => body({ ...step, scope }, fed.inputs, fed.labels));
      } finally {
        traced.step = null;
      }
    },
  });
}

/** Half the sum of all squares: one pass over each gradient, which clipping by the global norm needs anyway. */
function gradientScale(gradients: readonly Value[]): Value {
  const halves = gradients.map((gradient) => makeValue("L2Loss", [gradient], typeAttribute("T", "float32")));
  return makeValue("AddN", halves, { ...typeAttribute("T", "float32"), N: attribute.int(halves.length) });
}

function finite(value: Value): Value {
  return makeValue("IsFinite", [value], typeAttribute("T", "float32"));
}

function both(a: Value, b: Value): Value {
  return makeValue("LogicalAnd", [a, b]);
}

/** Lets values through where `condition` holds; elsewhere they are dead, and so is what needs them. */
function gateOf(condition: Value): (value: Value) => Value {
  return (value) => {
    const node = makeNode("Switch", [value, condition], typeAttribute("T", typeOf(value).dtype));
    return { node, index: 1 };
  };
}

/** Runs once the updates have run, or `condition` has kept them from running. */
function whenDone(condition: Value, updates: readonly Node[]): Node {
  const type = typeAttribute("T", "bool");
  const branches = makeNode("Switch", [condition, condition], type);
  const skipped = makeValue("Identity", [{ node: branches, index: 0 }], type);
  const applied = makeValue("Identity", [{ node: branches, index: 1 }], type, { controls: updates });
  return makeNode("Merge", [skipped, applied], { ...type, N: attribute.int(2) });
}
