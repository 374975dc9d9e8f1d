import { type Trace, trace } from "@anneal/compiler";
import { type Node, placeholder, type Value } from "@anneal/graph";
import type { SeededRandom, Tfjs } from "@anneal/runtime";
import type { Tensor, Tensor1D } from "@tensorflow/tfjs";
import { withLayerScopes } from "../layer-scopes.ts";
import { checkFit, differentiate, type Fit, type RecipeStep } from "../recipe-step.ts";
import type { StepState } from "./state.ts";

/** Random draws of a traced step: they follow the step that is fed. */
export interface TracedRandom {
  /** The step's key, int32 of shape []; null outside of a trace. */
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
}

export interface BatchFeeds {
  readonly inputs: Value;
  readonly labels: Value;
  /** What random draws follow, int32 of shape []: `stepKey`. */
  readonly step: Value;
  readonly values: readonly Value[];
}

export function batchFeeds({ step: { options }, numSamples }: TraceContext, prefix: string): BatchFeeds {
  const { inputs, labels } = options;
  const fed = {
    inputs: placeholder(`${prefix}/inputs`, { dtype: inputs.dtype, shape: [numSamples, ...inputs.shape] }),
    labels: placeholder(`${prefix}/labels`, { dtype: labels.dtype, shape: [numSamples, ...labels.shape] }),
    step: placeholder(`${prefix}/step`, { dtype: "int32", shape: [] }),
  };
  return { ...fed, values: [fed.inputs, fed.labels, fed.step] };
}

type StepBody = (
  step: RecipeStep,
  inputs: Tensor,
  labels: Tensor,
  factor: Tensor | null,
) => Readonly<Record<string, Tensor>>;

interface TraceChoices {
  /** The body sees what variables hold once these nodes have run. By default, when it begins. */
  readonly readsAfter?: readonly Node[];
  /** A number that the body takes, float32 of shape []. */
  readonly factor?: Value | null;
  /** Where the body finds a variable. By default in the state. */
  readonly handles?: ReadonlyMap<string, Value>;
}

export function traceStep(
  { tf, step, state, random, traced }: TraceContext,
  { inputs, labels, step: number }: BatchFeeds,
  body: StepBody,
  { readsAfter = [], factor = null, handles }: TraceChoices = {},
): Trace {
  const variables = state.model.map(({ name, handle }, index) => ({
    name,
    handle: handles?.get(name) ?? handle,
    variable: step.variables[index]!.variable,
  }));
  // Draws are counted from the step's begin; which step it is, the graph is told.
  random.beginStep(0);
  return trace<string>(tf, {
    inputs: { inputs, labels, number, ...(factor !== null && { factor }) },
    variables,
    readsAfter,
    body: (fed, scope) => {
      traced.step = fed.number!;
      try {
        return withLayerScopes(step.model, scope, () =>
          body({ ...step, scope }, fed.inputs!, fed.labels!, fed.factor ?? null),
        );
      } finally {
        traced.step = null;
      }
    },
  });
}

/** A trace of a step's gradients. */
export interface TracedGradients {
  readonly loss: Value;
  /** Sums of loss and metrics, as `toSums` takes them. */
  readonly report: Value;
  /** By the names of the trained variables that have one. */
  readonly gradients: ReadonlyMap<string, Value>;
  /** What the step assigns to variables beside its updates, such as moving averages. */
  readonly assigned: Trace["assigned"];
  readonly reads: Trace["reads"];
}

/** The gradients of the loss, times `factor` where there is one. */
export function traceGradients(context: TraceContext, feeds: BatchFeeds, choices: TraceChoices): TracedGradients {
  const body: StepBody = (scoped, inputs, labels, factor) => {
    const { loss, report, gradients } = differentiate(context.tf, scoped, inputs, labels, factor);
    const named = [...gradients].map(([name, gradient]) => [`gradient/${name}`, gradient]);
    return { loss, report, ...Object.fromEntries(named) };
  };
  const { outputs, assigned, reads } = traceStep(context, feeds, body, choices);
  const gradients = context.step.trained.flatMap(({ name }): readonly (readonly [string, Value])[] => {
    const gradient = outputs[`gradient/${name}`];
    return gradient === undefined ? [] : [[name, gradient]];
  });
  return { loss: outputs.loss!, report: outputs.report!, gradients: new Map(gradients), assigned, reads };
}

/** What a trace of the step shows of it before any entry is made. */
export interface StepFit extends Fit {
  /** Names of the variables that the step assigns to while it trains. */
  readonly assigned: ReadonlySet<string>;
}

/**
 * Checks the fit of data, model, loss and metrics by their types.
 *
 * @throws AnnealError SHAPE_MISMATCH, RECIPE_INVALID, RECIPE_THREW, TRACE_UNSUPPORTED
 */
export function traceFit(context: TraceContext): StepFit {
  let fit: Fit | undefined;
  const { assigned } = traceStep(context, batchFeeds(context, "fit"), (step, inputs, labels) => {
    fit = checkFit(context.tf, step, inputs, labels);
    return {};
  });
  return { ...fit!, assigned: new Set(assigned.keys()) };
}
