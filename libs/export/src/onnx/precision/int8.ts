import {
  type AffineFormat,
  channelLayout,
  channelScales,
  quantizeBias,
  quantizeChannels,
  scalesForBias,
} from "@anneal/compress";
import { bytesOfArray } from "../builder.ts";
import { type OnnxAttributes, type OnnxGraph, type OnnxInitializer, type OnnxNode, onnxInt } from "../onnx-graph.ts";
import { floatsOf, GraphEdit, unsignedBytes, zeroOfWeights } from "./edit-graph.ts";
import { StoredWeights, weightOf, weightPlaces } from "./int8-weights.ts";
import type { PrecisionOptions, RewrittenOnnx } from "./precision.ts";
import { sharedFormats } from "./shared-formats.ts";

/** Ops that ONNX Runtime computes in whole numbers by weights in whole numbers. */
const weighted = new Set(["Conv", "Gemm", "MatMul"]);
/**
 * Ops whose float32 weights ONNX Runtime brings to 8 bits of its own accord, with one scale for all, where it finds them between whole numbers
 * (`WeightBiasQuantization`).
 */
const coveted = new Set(["Conv", "ConvTranspose", "Gemm"]);

/**
 * Weights in 8 bits with a scale for each output, activations as uint8 with ranges that were measured, a bias as int32: each value that is computed in whole
 * numbers is quantized where it is made and dequantized where it is taken (QDQ), from which runtimes make kernels of their own for whole numbers.
 */
export function withInt8(graph: OnnxGraph, options: PrecisionOptions): RewrittenOnnx {
  const edit = new GraphEdit(graph);
  const findWeight = weightOf(edit, graph);
  const found = new Map<OnnxNode, OnnxInitializer>();
  for (const node of graph.nodes) {
    const weight = options.isKept(node.scope) ? null : findWeight(node, { ofAnySize: weighted.has(node.op) });
    if (weight !== null) found.set(node, weight);
  }
  const isWeighted = (node: OnnxNode) => weighted.has(node.op) && found.has(node);
  const formats = sharedFormats(graph, { ...options, isWeighted });
  const rewrite = new Rewrite(edit, formats);
  for (const { name } of graph.inputs) rewrite.input(name);
  const stored = new StoredWeights(edit);
  for (const node of graph.nodes) {
    const weight = found.get(node);
    if (weight !== undefined && isWeighted(node) && formats.has(node.inputs[0]!)) rewrite.weighted(node, weight);
    else rewrite.node(rewrite.guarded(weight === undefined ? node : stored.restored(node, weight)));
  }
  return { graph: edit.finish(), layers: [...new Set([...found.keys()].map(({ scope }) => scope))] };
}

class Rewrite {
  readonly #edit: GraphEdit;
  readonly #formats: ReadonlyMap<string, AffineFormat>;
  /** Names of inputs of the model, once they went through whole numbers. */
  readonly #renamed = new Map<string, string>();

  constructor(edit: GraphEdit, formats: ReadonlyMap<string, AffineFormat>) {
    this.#edit = edit;
    this.#formats = formats;
  }

  /** An input of the model. */
  input(name: string): void {
    const format = this.#formats.get(name);
    if (format === undefined) return;
    const taken = this.#edit.name(`${name}/quantized`);
    this.#throughWhole(name, taken, { format, scope: "" });
    this.#renamed.set(name, taken);
  }

  /** A node that stays in float32, where the runtime leaves it so: a maximum of one value is that value, but not a whole number. */
  guarded(node: OnnxNode): OnnxNode {
    if (!coveted.has(node.op) || this.#formats.size === 0) return node;
    const [input, ...more] = node.inputs as [string, ...string[]];
    const guard = { op: "Max", inputs: [this.#renamed.get(input) ?? input], attributes: {}, scope: node.scope };
    return { ...node, inputs: [this.#edit.emit({ ...guard, wanted: `${input}/float32` }), ...more] };
  }

  /** A node as it is, but for outputs that go through whole numbers. */
  node(node: OnnxNode): void {
    const inputs = node.inputs.map((name) => this.#renamed.get(name) ?? name);
    const [first] = node.outputs as [string];
    const format = this.#formats.get(first);
    if (format === undefined) {
      this.#edit.nodes.push({ ...node, inputs });
      return;
    }
    const made = this.#edit.name(`${first}/float32`);
    this.#edit.nodes.push({ ...node, inputs, outputs: [made, ...node.outputs.slice(1)] });
    this.#throughWhole(made, first, { format, scope: node.scope });
  }

  weighted(node: OnnxNode, weight: OnnxInitializer): void {
    const { axis } = weightPlaces[node.op]!;
    const layout = channelLayout(weight.shape, axis);
    const inputScale = this.#formats.get(node.inputs[0]!)!.scale;
    const bias = this.#edit.initializer(node.inputs[2]);
    const needed = channelScales(floatsOf(weight), layout);
    const scales = bias === null ? needed : scalesForBias(needed, floatsOf(bias), inputScale);
    const read = () => unsignedBytes(quantizeChannels(floatsOf(weight), scales, layout));
    const inputs = [...node.inputs];
    inputs[1] = this.#dequantized({ ...weight, dtype: "uint8", read }, { scales, axis, scope: node.scope });
    if (bias !== null) {
      const biasScales = scales.map((scale) => scale * inputScale);
      const readBias = () => bytesOfArray(quantizeBias(floatsOf(bias), biasScales));
      const described = { scales: biasScales, axis: 0, scope: node.scope };
      inputs[2] = this.#dequantized({ ...bias, dtype: "int32", read: readBias }, described);
    }
    this.node({ ...node, inputs });
  }

  #dequantized(
    { name, ...tensor }: OnnxInitializer,
    { scales, axis, scope }: { readonly scales: Float32Array; readonly axis: number; readonly scope: string },
  ): string {
    const whole = this.#edit.tensor({ ...tensor, name: `${name}/${tensor.dtype}` });
    const { dtype } = tensor;
    const isWeight = dtype === "uint8";
    // Also the zeros of a bias, which are what is taken without them: ONNX Runtime makes no product in whole numbers then.
    const readZeros = () => new Uint8Array(scales.length * (isWeight ? 1 : 4)).fill(isWeight ? zeroOfWeights : 0);
    const zeros = { name: `${name}/zeros`, dtype, shape: [scales.length], read: readZeros };
    const inputs = [whole, this.#edit.floats(`${name}/scales`, scales, [scales.length]), this.#edit.tensor(zeros)];
    const attributes: OnnxAttributes = { axis: onnxInt(axis) };
    return this.#edit.emit({ op: "DequantizeLinear", inputs, attributes, scope, wanted: `${name}/dequantized` });
  }

  #throughWhole(
    from: string,
    to: string,
    { format, scope }: { readonly format: AffineFormat; readonly scope: string },
  ): void {
    const scale = this.#edit.floats(`${to}/scale`, [format.scale], []);
    const read = () => Uint8Array.of(format.zeroPoint);
    const zeroPoint = this.#edit.tensor({ name: `${to}/zero`, dtype: "uint8", shape: [], read });
    const wanted = `${to}/uint8`;
    const inputs = [from, scale, zeroPoint];
    const whole = this.#edit.emit({ op: "QuantizeLinear", inputs, attributes: {}, scope, wanted });
    const dequantize = { op: "DequantizeLinear", inputs: [whole, scale, zeroPoint], attributes: {}, scope };
    this.#edit.nodes.push({ ...dequantize, outputs: [to] });
  }
}
