import {
  countUses,
  type Graph,
  makeNode,
  makeValue,
  type Node,
  producerOf,
  readAttribute,
  readVariable,
  rewriteGraph,
  simpleCall,
  type TensorType,
  typeAttribute,
  typeOf,
  type Value,
  variableHandle,
} from "@anneal/graph";
import { sourceOf, type Weights } from "./predict-model.ts";
import { floatsOf, type TensorSource } from "./tensor-source.ts";

/** A normalisation by averages that are known is a factor and a term for each channel. */
interface Normalization {
  readonly input: Value;
  readonly factor: TensorSource;
  readonly term: TensorSource;
}

/**
 * Batch normalisation by known averages goes into the convolution before it: its filter and bias are other numbers. Where there is none,
 * it becomes a product and a sum. What is derived is added to `weights`.
 */
export function foldNormalizations(graph: Graph, weights: Map<string, TensorSource>): Graph {
  const numUses = countUses(graph);
  let numFolded = 0;
  // The same for every size of the batch: what is derived is then the same as well.
  const add = (name: string, source: TensorSource): Value => addWeight(weights, `${name}/${numFolded}`, source);
  return rewriteGraph(graph, (node, { original }) => {
    const found = normalizationOf(node, weights);
    // Nothing but training takes the other outputs.
    const isFirstAlone = node.outputs.every((_, index) => index === 0 || numUses(original({ node, index })) === 0);
    if (found === null || !isFirstAlone) return null;
    const isOnlyUse = (value: Value) => numUses(original(value)) === 1;
    numFolded += 1;
    const value = intoConvolution(found, { weights, add, isOnlyUse }) ?? asProduct(found, node, add);
    return node.outputs.map((_, index) => (index === 0 ? value : { node, index }));
  });
}

function normalizationOf(node: Node, weights: Weights): Normalization | null {
  if (node.op !== "FusedBatchNorm" && node.op !== "FusedBatchNormV3") return null;
  if (readAttribute(node.attributes, "is_training", "bool") !== false || node.controls.length > 0) return null;
  const [input, ...parameters] = node.inputs as [Value, ...Value[]];
  const known = parameters.map((value) => sourceOf(weights, value));
  const [scale, offset, mean, variance] = known as [TensorSource, TensorSource, TensorSource, TensorSource];
  if (known.some((source) => source === null)) return null;
  const epsilon = readAttribute(node.attributes, "epsilon", "float") ?? 1e-4;
  const readFactor = () => {
    const variances = floatsOf(variance);
    return floatsOf(scale).map((value, channel) => value / Math.sqrt(variances[channel]! + epsilon));
  };
  const readTerm = () => {
    const [factors, means] = [readFactor(), floatsOf(mean)];
    return floatsOf(offset).map((value, channel) => value - means[channel]! * factors[channel]!);
  };
  return { input, factor: { type: scale.type, read: readFactor }, term: { type: scale.type, read: readTerm } };
}

type AddWeight = (name: string, source: TensorSource) => Value;

/** Axis of a filter that its output channels lie on, counted from the back, and how many axes they take. */
const channelAxes: Readonly<Record<string, number>> = { Conv2D: 1, Conv3D: 1, DepthwiseConv2dNative: 2 };

function intoConvolution(
  { input, factor, term }: Normalization,
  {
    weights,
    add,
    isOnlyUse,
  }: { readonly weights: Weights; readonly add: AddWeight; readonly isOnlyUse: (value: Value) => boolean },
): Value | null {
  const biased = producerOf(input, "BiasAdd");
  const convolved = biased === null ? input : biased.inputs[0]!;
  const convolution = producerOf(convolved, ...Object.keys(channelAxes));
  if (convolution === null || !isOnlyUse(input) || !isOnlyUse(convolved)) return null;
  const [image, filter] = convolution.inputs as [Value, Value];
  const filterSource = sourceOf(weights, filter);
  const biasSource = biased === null ? null : sourceOf(weights, biased.inputs[1]!);
  if (filterSource === null || (biased !== null && biasSource === null)) return null;

  const readFilter = () => {
    const factors = floatsOf(factor);
    // Output channels are the last axis, or (of a depthwise filter) the last two together.
    return floatsOf(filterSource).map((value, place) => value * factors[place % factors.length]!);
  };
  const readBias = () => {
    const [factors, terms] = [floatsOf(factor), floatsOf(term)];
    const biases = biasSource === null ? null : floatsOf(biasSource);
    return terms.map((value, channel) => value + (biases?.[channel] ?? 0) * factors[channel]!);
  };
  const { scope, op, attributes } = convolution;
  const name = nameOf(filter, scope);
  const newFilter = add(`${name}/normalized`, { type: filterSource.type, read: readFilter });
  const newBias = add(`${name}/bias`, { type: factor.type, read: readBias });
  const output: Value = { node: makeNode(op, [image, newFilter], attributes, { scope }), index: 0 };
  return simpleCall("BiasAdd", [output, newBias], { scope });
}

function asProduct({ input, factor, term }: Normalization, node: Node, add: AddWeight): Value {
  const { scope } = node;
  const name = nameOf(node.inputs[1]!, scope);
  const attributes = typeAttribute("T", typeOf(input).dtype);
  const scaled = makeValue("Mul", [input, add(`${name}/factor`, factor)], attributes, { scope });
  return makeValue("AddV2", [scaled, add(`${name}/term`, term)], attributes, { scope });
}

function nameOf({ node }: Value, scope: string): string {
  return (node.op === "ReadVariableOp" ? node.inputs[0]!.node.name : null) ?? `${scope}/constant`;
}

function addWeight(weights: Map<string, TensorSource>, wanted: string, source: TensorSource): Value {
  const type: TensorType = source.type;
  weights.set(wanted, source);
  return readVariable(variableHandle(wanted, type), type);
}
