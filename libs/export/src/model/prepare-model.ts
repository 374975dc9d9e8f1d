import { portablePasses, runPasses } from "@anneal/compiler";
import type { Graph, Value } from "@anneal/graph";
import { alignBatch, type FixedBatch, fixedDims } from "./align-batch.ts";
import { foldNormalizations } from "./fold-normalizations.ts";
import type { ModelInput, PredictModel, Weights } from "./predict-model.ts";

/** A function as it was traced for one size of the batch. */
export interface TracedFunction {
  readonly graph: Graph;
  /** Placeholders, in the order of the calls. */
  readonly inputs: readonly ModelInput[];
}

export interface PrepareOptions {
  /** The model traced for so many samples. Called a few times. */
  readonly trace: (numSamples: number) => TracedFunction;
  /** By the names of the variables' handles. */
  readonly weights: Weights;
}

/**
 * Pairs of batch sizes that the model is traced for. Two sizes show which of a graph's sizes grow with the batch, unless one happens to
 * be a size of the model itself: then the next two do. All are above the length up to which a trace keeps a constant as a list of values,
 * so that one which fills a shape is told as such.
 */
const tracedSizes = [
  [67, 71],
  [73, 79],
] as const;

/** Says a model in ops that every format has, and finds which of its sizes grow with the batch. */
export function prepareModel({ trace, weights }: PrepareOptions): PredictModel {
  const derived = new Map(weights);
  const prepare = (numSamples: number) => {
    const { graph, inputs } = trace(numSamples);
    return { graph: foldNormalizations(runPasses(graph, portablePasses).graph, derived), inputs, numSamples };
  };
  let fixed: FixedBatch = { reason: "" };
  for (const [smaller, larger] of tracedSizes) {
    const [first, second] = [prepare(smaller), prepare(larger)];
    const aligned = alignBatch(first, second);
    if (!("reason" in aligned)) return { ...modelOf(first, derived), dims: aligned, fixedBatch: null };
    fixed = aligned;
  }
  const single = prepare(1);
  return { ...modelOf(single, derived), dims: fixedDims(), fixedBatch: { numSamples: 1, reason: fixed.reason } };
}

function modelOf({ graph, inputs }: TracedFunction, weights: Weights) {
  const outputs = Object.entries(graph.outputs).map(([name, value]): ModelInput => ({ name, value }));
  return { graph, weights, outputs, inputs: inputs.map(({ name, value }) => ({ name, value: inGraph(graph, value) })) };
}

/** A placeholder as it is after the passes; one that nothing takes stays what it was. */
function inGraph(graph: Graph, value: Value): Value {
  const node = graph.nodes.find(({ op, name }) => op === "Placeholder" && name === value.node.name);
  return node === undefined ? value : { node, index: 0 };
}
