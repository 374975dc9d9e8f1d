import { availableParallelism } from "node:os";
import { type Graph, makeGraph, placeholder, type TensorType, type Value } from "@anneal/graph";
import { type FeedValues, GraphSession, type LoadedTensorflow, loadTensorflow, type Tfjs } from "@anneal/runtime";
import type { Tensor } from "@tensorflow/tfjs";
import type { Pass } from "../passes/pass.ts";
import { compileProgram } from "../program.ts";
import { trace } from "../trace/trace.ts";

/** The real TensorFlow, loaded once for a test file. */
export function testTensorflow(): LoadedTensorflow {
  return loadTensorflow({ numIntraOpThreads: availableParallelism(), numInterOpThreads: 1 });
}

export type Inputs = Readonly<Record<string, { readonly type: TensorType; readonly values: FeedValues }>>;

/** The graph of a function of tensors. */
export function traceFunction(
  tf: Tfjs,
  inputs: Inputs,
  body: (tensors: Readonly<Record<string, Tensor>>) => Readonly<Record<string, Tensor>>,
): Graph {
  const placeholders = Object.entries(inputs).map(([name, { type }]) => [name, placeholder(name, type)] as const);
  return makeGraph(trace(tf, { inputs: Object.fromEntries(placeholders), variables: [], body }).outputs);
}

/** The values of a graph's outputs (float32 or int32) for these inputs, after these passes, run by TensorFlow. */
export function runGraph(
  { backend }: LoadedTensorflow,
  graph: Graph,
  inputs: Inputs,
  passes: readonly Pass[] = [],
): Readonly<Record<string, Float32Array | Int32Array>> {
  const names = Object.keys(graph.outputs);
  const feeds = graph.nodes.filter(({ op }) => op === "Placeholder").map((node): Value => ({ node, index: 0 }));
  const entry = { feeds, fetches: names.map((name) => graph.outputs[name]!) };
  const { savedModel, signatures } = compileProgram({ run: entry }, passes);
  const session = new GraphSession(backend, savedModel);
  try {
    const values = session.bind(signatures.run)(feeds.map(({ node }) => inputs[node.name!]!.values));
    return Object.fromEntries(names.map((name, index) => [name, values[index]!]));
  } finally {
    session.dispose();
  }
}

/** Ops of a graph, each as often as it is in it, sorted. */
export function opsOf(graph: Graph): readonly string[] {
  return graph.nodes.map(({ op }) => op).sort();
}

/** Largest difference of two arrays, relative to the larger of 1 and the values' magnitude. */
export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let largest = 0;
  for (let index = 0; index < a.length; index++) {
    const [x, y] = [a[index]!, b[index]!];
    if (Object.is(x, y)) continue;
    const difference = Math.abs(x - y) / Math.max(1, Math.abs(x), Math.abs(y));
    largest = Math.max(largest, Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference);
  }
  return largest;
}
