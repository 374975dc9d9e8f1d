import type { AffineFormat } from "@anneal/compress";
import type { OnnxGraph, OnnxNode } from "../onnx-graph.ts";
import type { PrecisionOptions } from "./precision.ts";

/** Ops that only move values: what they give has the format of what they take. */
const movers = new Set(["Flatten", "MaxPool", "Reshape", "Squeeze", "Transpose", "Unsqueeze"]);
/** Further ops that ONNX Runtime computes in whole numbers once what they take and give is in whole numbers. */
const carriers = new Set([...movers, "Add", "AveragePool", "Clip", "Concat", "Relu"]);
/** Ops that whole numbers do by the ends of their range: nothing is quantized between what they take and them. */
const clamps = new Set(["Clip", "Relu"]);

interface FormatOptions extends PrecisionOptions {
  /** Whether a node has weights in whole numbers. */
  readonly isWeighted: (node: OnnxNode) => boolean;
}

/** The values of a graph that go through whole numbers, by name. */
export function sharedFormats(
  graph: OnnxGraph,
  { isKept, formatOf, isWeighted }: FormatOptions,
): ReadonlyMap<string, AffineFormat> {
  const initializers = new Set(graph.initializers.map(({ name }) => name));
  const takers = new Map<string, OnnxNode[]>();
  for (const node of graph.nodes) {
    for (const name of node.inputs) takers.set(name, [...(takers.get(name) ?? []), node]);
  }
  const isNeeded = (name: string) =>
    (takers.get(name) ?? []).some((node) => isWeighted(node) && node.inputs[0] === name);
  const isClamped = (name: string) => {
    const [only, ...more] = takers.get(name) ?? [];
    return (
      only !== undefined &&
      more.length === 0 &&
      clamps.has(only.op) &&
      !isKept(only.scope) &&
      formatOf(only.outputs[0]!) !== null
    );
  };
  const formats = new Map<string, AffineFormat>();
  const whole = (name: string) => formats.has(name) || clamped.has(name);
  /** Values that are whole numbers only once they were clamped. */
  const clamped = new Set<string>();
  const define = (name: string, format: AffineFormat | null) => {
    if (format !== null) formats.set(name, format);
  };
  for (const { name } of graph.inputs) if (isNeeded(name)) define(name, formatOf(name));
  for (const node of graph.nodes) {
    const [output] = node.outputs as [string];
    const activations = activationsOf(node, initializers);
    const isInWhole =
      (node.op === "Conv" && isWeighted(node) && whole(node.inputs[0]!)) ||
      (carriers.has(node.op) && !isKept(node.scope) && activations?.every(whole) === true);
    if (!isInWhole && !isNeeded(output)) continue;
    if (isInWhole && !movers.has(node.op) && isClamped(output) && formatOf(output) !== null) clamped.add(output);
    else define(output, movers.has(node.op) ? (formats.get(node.inputs[0]!) ?? formatOf(output)) : formatOf(output));
  }
  return formats;
}

/** What a node takes that the model computes; null where a tensor of the file is one of the values that it computes with. */
function activationsOf({ op, inputs }: OnnxNode, initializers: ReadonlySet<string>): readonly string[] | null {
  const given = movers.has(op) || op === "Clip" ? inputs.slice(0, 1) : inputs;
  return given.some((name) => initializers.has(name)) ? null : given;
}
