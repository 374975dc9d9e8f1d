import { channelLayout, channelScales, quantizeChannels } from "@anneal/compress";
import { bytesOfArray } from "../builder.ts";
import { type OnnxGraph, type OnnxInitializer, type OnnxNode, onnxDtypes, onnxInt } from "../onnx-graph.ts";
import { countTaken, floatsOf, GraphEdit, isLargeWeight, unsignedBytes, zeroOfWeights } from "./edit-graph.ts";
import type { PrecisionOptions, RewrittenOnnx } from "./precision.ts";

/** Where an op takes its weights, and the axis that those of one output lie on. */
export const weightPlaces: Readonly<Record<string, { readonly index: number; readonly axis: number }>> = {
  Conv: { index: 1, axis: 0 },
  ConvTranspose: { index: 1, axis: 1 },
  Gather: { index: 0, axis: 0 },
  Gemm: { index: 1, axis: 1 },
  MatMul: { index: 1, axis: 1 },
};

/** The weights of a call that are worth being stored in 8 bits, or of any size; unless another kind of call takes them as they are. */
export function weightOf(
  edit: GraphEdit,
  graph: OnnxGraph,
): (node: OnnxNode, options?: { readonly ofAnySize: boolean }) => OnnxInitializer | null {
  const counts = countTaken(graph);
  const asWeights = new Map<string, number>();
  for (const { op, inputs } of graph.nodes) {
    const name = inputs[weightPlaces[op]?.index ?? -1];
    if (name !== undefined) asWeights.set(`${op} ${name}`, (asWeights.get(`${op} ${name}`) ?? 0) + 1);
  }
  return ({ op, inputs }, { ofAnySize } = { ofAnySize: false }) => {
    const place = weightPlaces[op];
    const name = inputs[place?.index ?? -1];
    if (place === undefined || name === undefined || asWeights.get(`${op} ${name}`) !== counts.get(name)) return null;
    const weight = edit.initializer(name);
    if (weight?.dtype !== "float32" || (!ofAnySize && !isLargeWeight(weight))) return null;
    const isProduct = op === "MatMul" || op === "Gemm";
    return isProduct && weight.shape.length !== 2 ? null : weight;
  };
}

/**
 * Weights in 8 bits with a scale for each output ("dynamic range"). A product of matrices brings its input to 8 bits as it runs and
 * multiplies whole numbers, which is several times as fast; all other weights are made float32 as the file is loaded, since
 * ONNX Runtime's convolution of whole numbers without known ranges is slower than the one in float32.
 */
export function withInt8Weights(graph: OnnxGraph, { isKept }: Pick<PrecisionOptions, "isKept">): RewrittenOnnx {
  const edit = new GraphEdit(graph);
  const findWeight = weightOf(edit, graph);
  const stored = new StoredWeights(edit);
  const layers = new Set<string>();
  for (const node of graph.nodes) {
    const weight = isKept(node.scope) ? null : findWeight(node);
    if (weight === null) edit.nodes.push(node);
    else {
      layers.add(node.scope);
      if (node.op === "MatMul" || node.op === "Gemm") stored.multiply(node, weight);
      else edit.nodes.push(stored.restored(node, weight));
    }
  }
  return { graph: edit.finish(), layers: [...layers] };
}

/** Weights that are in the file as int8, each once. */
export class StoredWeights {
  readonly #edit: GraphEdit;
  readonly #whole = new Map<string, { readonly name: string; readonly scales: Float32Array }>();
  readonly #restored = new Map<string, string>();
  readonly #inputs = new Map<string, readonly [string, string, string]>();

  constructor(edit: GraphEdit) {
    this.#edit = edit;
  }

  /** The call with its weights made float32 again, once, as the file is loaded. */
  restored(node: OnnxNode, weight: OnnxInitializer): OnnxNode {
    const { index, axis } = weightPlaces[node.op]!;
    const known = this.#restored.get(weight.name) ?? this.#restore(weight, axis, node.scope);
    this.#restored.set(weight.name, known);
    return { ...node, inputs: node.inputs.map((name, place) => (place === index ? known : name)) };
  }

  /** A product of an input that is brought to 8 bits as the model runs. */
  multiply({ inputs, outputs, scope }: OnnxNode, weight: OnnxInitializer): void {
    const edit = this.#edit;
    const [input, , bias] = inputs as [string, string, string | undefined];
    const { name, scales } = this.#quantized(weight, { axis: 1, isUnsigned: true });
    const zeros = edit.tensor({ name: "zero", dtype: "uint8", shape: [], read: () => Uint8Array.of(zeroOfWeights) });
    const [quantized, scale, zeroPoint] = this.#dynamic(input, scope);
    const emit = (op: string, given: readonly string[], attributes = {}) =>
      edit.emit({ op, inputs: given, attributes, scope, wanted: `${outputs[0]}/${op}` });
    const sums = emit("MatMulInteger", [quantized, name, zeroPoint, zeros]);
    const floats = emit("Cast", [sums], { to: onnxInt(onnxDtypes.float32) });
    const factors = emit("Mul", [scale, edit.floats(`${weight.name}/scales`, scales, [scales.length])]);
    const last = { attributes: {}, scope, outputs };
    if (bias === undefined) edit.nodes.push({ op: "Mul", inputs: [floats, factors], ...last });
    else edit.nodes.push({ op: "Add", inputs: [emit("Mul", [floats, factors]), bias], ...last });
  }

  #dynamic(input: string, scope: string): readonly [string, string, string] {
    const known = this.#inputs.get(input);
    if (known !== undefined) return known;
    const outputs = ["int8", "scale", "zero"].map((part) => this.#edit.name(`${input}/${part}`));
    this.#edit.nodes.push({ op: "DynamicQuantizeLinear", inputs: [input], outputs, attributes: {}, scope });
    const found = outputs as unknown as readonly [string, string, string];
    this.#inputs.set(input, found);
    return found;
  }

  #restore(weight: OnnxInitializer, axis: number, scope: string): string {
    const { name, scales } = this.#quantized(weight, { axis, isUnsigned: false });
    const shape = weight.shape.map((size, each) => (each === axis ? size : 1));
    const attributes = { to: onnxInt(onnxDtypes.float32) };
    const floats = this.#edit.emit({ op: "Cast", inputs: [name], attributes, scope, wanted: `${name}/float32` });
    const inputs = [floats, this.#edit.floats(`${weight.name}/scales`, scales, shape)];
    return this.#edit.emit({ op: "Mul", inputs, attributes: {}, scope, wanted: `${weight.name}/float32` });
  }

  #quantized(weight: OnnxInitializer, { axis, isUnsigned }: { readonly axis: number; readonly isUnsigned: boolean }) {
    const known = this.#whole.get(weight.name);
    if (known !== undefined) return known;
    const layout = channelLayout(weight.shape, axis);
    const scales = channelScales(floatsOf(weight), layout);
    const quantize = () => quantizeChannels(floatsOf(weight), scales, layout);
    const read = () => (isUnsigned ? unsignedBytes(quantize()) : bytesOfArray(quantize()));
    const dtype = isUnsigned ? "uint8" : "int8";
    const name = this.#edit.tensor({ ...weight, name: `${weight.name}/${dtype}`, dtype, read });
    const found = { name, scales };
    this.#whole.set(weight.name, found);
    return found;
  }
}
