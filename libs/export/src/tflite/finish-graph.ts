import { table } from "./flatbuffer.ts";
import { tfliteTables } from "./schema/tflite-schema.ts";
import type { Activation, TfliteGraph, TfliteOp, TfliteTensor } from "./tflite-graph.ts";

/** A graph whose outputs bear their names, whose activations are part of the ops before them, without what no output needs. */
export function finishGraph(graph: TfliteGraph): TfliteGraph {
  return fuseActivations(pruned(nameOutputs(graph)));
}

/** What makes an output is given its name. One that is an input, a tensor of the file or another output is copied. */
function nameOutputs({ ops, inputs, outputs }: TfliteGraph): TfliteGraph {
  const made = new Set(ops.flatMap((op) => op.outputs));
  const renames = new Map<TfliteTensor, TfliteTensor>();
  const copies: TfliteOp[] = [];
  const named = outputs.map(({ name, tensor }) => {
    const output = { ...tensor, name, read: null };
    if (made.has(tensor) && !renames.has(tensor)) renames.set(tensor, output);
    else copies.push(copy(renames.get(tensor) ?? tensor, output));
    return { name, tensor: output };
  });
  const rename = <T extends TfliteTensor | null>(tensor: T) =>
    (tensor === null ? tensor : (renames.get(tensor) ?? tensor)) as T;
  const renamed = ops.map((op) => ({ ...op, inputs: op.inputs.map(rename), outputs: op.outputs.map(rename) }));
  return { inputs, outputs: named, ops: [...renamed, ...copies] };
}

/** Every runtime has the transpose of any dtype; that of no axes is the value itself. */
function copy(input: TfliteTensor, output: TfliteTensor): TfliteOp {
  const options = table("SqueezeOptions", { squeezeDims: new Int32Array() });
  const hasOnes = input.dims.includes(1);
  if (!hasOnes) return { op: "SQUEEZE", inputs: [input], outputs: [output], options, activation: "NONE", scope: "" };
  const order = Int32Array.from(input.dims.keys());
  const axes: TfliteTensor = {
    name: `${output.name}/axes`,
    dtype: "int32",
    dims: [order.length],
    read: () => new Uint8Array(order.buffer),
  };
  return { op: "TRANSPOSE", inputs: [input, axes], outputs: [output], options: null, activation: "NONE", scope: "" };
}

function pruned(graph: TfliteGraph): TfliteGraph {
  const needed = new Set<TfliteTensor>(graph.outputs.map(({ tensor }) => tensor));
  const ops = graph.ops
    .toReversed()
    .filter(({ inputs, outputs }) => {
      if (!outputs.some((tensor) => needed.has(tensor))) return false;
      for (const tensor of inputs) if (tensor !== null) needed.add(tensor);
      return true;
    })
    .reverse();
  return { ...graph, ops };
}

const activations: Readonly<Record<string, Activation>> = {
  RELU: "RELU",
  RELU6: "RELU6",
  RELU_N1_TO_1: "RELU_N1_TO_1",
};

/** An activation whose input nobody else takes becomes part of the op that makes it, if that has a place for one. */
function fuseActivations(graph: TfliteGraph): TfliteGraph {
  const uses = new Map<TfliteTensor, number>();
  const use = (tensor: TfliteTensor) => uses.set(tensor, (uses.get(tensor) ?? 0) + 1);
  for (const { inputs } of graph.ops) for (const tensor of inputs) if (tensor !== null) use(tensor);
  for (const { tensor } of graph.outputs) use(tensor);
  const fused = new Map<TfliteOp, TfliteOp>();
  const makers = new Map<TfliteTensor, TfliteOp>();
  const removed = new Set<TfliteOp>();
  for (const op of graph.ops) {
    for (const tensor of op.outputs) makers.set(tensor, op);
    const activation = activations[op.op];
    const [input] = op.inputs as [TfliteTensor];
    const maker = activation === undefined ? undefined : makers.get(input);
    if (activation === undefined || maker === undefined || uses.get(input) !== 1 || !mayActivate(maker)) continue;
    fused.set(maker, { ...maker, activation, outputs: op.outputs });
    removed.add(op);
  }
  return { ...graph, ops: graph.ops.filter((op) => !removed.has(op)).map((op) => fused.get(op) ?? op) };
}

function mayActivate({ options, outputs, activation }: TfliteOp): boolean {
  if (options === null || activation !== "NONE" || outputs[0]!.dtype !== "float32") return false;
  return (
    Object.hasOwn(tfliteTables[options.table], "fusedActivationFunction") && options.table !== "ConcatenationOptions"
  );
}
