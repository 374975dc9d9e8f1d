import {
  attribute,
  constant,
  makeNode,
  makeValue,
  type Node,
  reshape,
  sameShape,
  scalar,
  simpleCall,
  sizeOf,
  typeOf,
  type Value,
} from "@anneal/graph";
import type { TensorInfo } from "@tensorflow/tfjs";
import { momentsOf, withoutRepeats, withoutReshape } from "./moments.ts";
import { gradientPrefix, type TraceBackend } from "./trace-backend.ts";

/**
 * tfjs's kernel `FusedBatchNorm` scales and shifts by a mean and a variance that are given. Where they are the moments of the
 * input itself, the whole is one function of the input: batch normalisation in training (Ioffe and Szegedy 2015), or layer
 * normalisation (Ba et al. 2016). Its gradient is then a fraction of what the tape makes, which goes back through mean and
 * variance op by op. In the finished graph that gradient is scattered over the sums of everything that uses the input; here,
 * where it is recorded, it is still in one place.
 */
export interface NormalizationInputs {
  readonly x: TensorInfo;
  readonly mean: TensorInfo;
  readonly variance: TensorInfo;
  readonly scale: TensorInfo | undefined;
  readonly offset: TensorInfo | undefined;
  readonly epsilon: number;
}

/** Gradients by `x` with mean and variance as functions of it, by `scale` and by `offset`; each has the size of what it is for. */
interface Gradients {
  readonly x: Value;
  readonly scale: Value;
  readonly offset: Value;
}
export type NormalizationGradient = (dy: Value) => Gradients;

/** How to go back from what was recorded here, by the node of the result. */
const gradients = new WeakMap<Node, NormalizationGradient>();

/** The gradient of a result of `recordNormalization`; undefined when it is another op's or has mean and variance of its own. */
export function gradientOfNormalization(result: Value): NormalizationGradient | undefined {
  return gradients.get(result.node);
}

/** Records the kernel; null where tfjs-node's own ops are as good. */
export function recordNormalization(backend: TraceBackend, inputs: NormalizationInputs): Value | null {
  const scope = backend.scope();
  if (inputs.x.dtype !== "float32" || sizeOf(inputs.x.shape) === 0) return null;
  if (inputs.mean.shape.length === 1) return recordBatchNorm(backend, inputs, scope);
  return recordLayerNorm(backend, inputs, scope);
}

const float = attribute.type("float32");
const none = constant({ dtype: "float32", shape: [0], data: new Float32Array() });

/** Per channel, over everything else. */
function recordBatchNorm(backend: TraceBackend, inputs: NormalizationInputs, scope: string): Value {
  const [x, mean, variance] = [inputs.x, inputs.mean, inputs.variance].map((tensor) => backend.valueOf(tensor)) as [
    Value,
    Value,
    Value,
  ];
  const numChannels = typeOf(x).shape.at(-1)!;
  const perChannel = (tensor: TensorInfo | undefined, fallback: number): Value =>
    tensor === undefined ? splat([numChannels], fallback) : backend.valueOf(tensor);
  const [scale, offset] = [perChannel(inputs.scale, 1), perChannel(inputs.offset, 0)];
  const moments = momentsOf(x, mean, variance);
  const isTraining =
    moments !== null &&
    moments.shape.at(-1) === numChannels &&
    sameShape(
      moments.axes,
      moments.shape.slice(0, -1).map((_, axis) => axis),
    );
  const attributes = {
    T: float,
    U: float,
    epsilon: attribute.float(inputs.epsilon),
    data_format: attribute.string("NHWC"),
    is_training: attribute.bool(isTraining),
  };
  const taken = [x, scale, offset, ...(isTraining ? [none, none] : [mean, variance])];
  const node = makeNode(
    "FusedBatchNormV3",
    taken,
    { ...attributes, exponential_avg_factor: attribute.float(1) },
    { scope },
  );
  const output = (index: number): Value => ({ node, index });
  if (isTraining) {
    // What is computed from mean and variance after this, such as moving averages, takes the op's own. Its variance is that of a
    // sample, divided by n - 1, tfjs's that of a population. The original stays where it was used before.
    const numValues = sizeOf(typeOf(x).shape) / numChannels;
    const correction = scalar((numValues - 1) / numValues);
    backend.rebind(inputs.mean, output(1));
    backend.rebind(
      inputs.variance,
      numValues === 1 ? output(2) : simpleCall("Mul", [output(2), correction], { scope }),
    );
    gradients.set(node, (dy) => {
      const back = [dy, x, scale, output(3), output(4), output(5)];
      const gradient = makeNode("FusedBatchNormGradV3", back, attributes, { scope: `${gradientPrefix}${scope}` });
      const [dx, dScale, dOffset] = [0, 1, 2].map((index) => ({ node: gradient, index })) as [Value, Value, Value];
      return { x: dx, scale: dScale, offset: dOffset };
    });
  }
  return output(0);
}

/** Per row of values, which are those of one or more last axes. tfjs repeats all that it takes to the shape of the input. */
function recordLayerNorm(backend: TraceBackend, inputs: NormalizationInputs, scope: string): Value | null {
  const value = (tensor: TensorInfo | undefined) =>
    tensor === undefined ? undefined : withoutRepeats(backend.valueOf(tensor));
  const [mean, variance, scale, offset] = [inputs.mean, inputs.variance, inputs.scale, inputs.offset].map(value);
  if (!mean || !variance || scale === null || offset === null) return null;
  const given = backend.valueOf(inputs.x);
  const moments = momentsOf(given, mean, variance);
  if (moments === null) return null;
  const { shape, axes } = moments;
  const numRowAxes = shape.length - axes.length;
  const isLast = axes.every((axis, index) => axis === numRowAxes + index);
  const [rowShape, valueShape] = [shape.slice(0, numRowAxes), shape.slice(numRowAxes)];
  const isPerValue = (factor: Value | undefined): boolean =>
    factor === undefined || sizeOf(typeOf(factor).shape) === sizeOf(valueShape);
  if (!isLast || !isPerValue(scale) || !isPerValue(offset)) return null;

  const perRowShape = [...rowShape, ...axes.map(() => 1)];
  const perRow = (statistic: Value): Value => reshape(withoutReshape(statistic), perRowShape, { scope });
  const perValue = (factor: Value): Value => reshape(withoutReshape(factor), valueShape, { scope });
  const call = (op: string, ...values: readonly Value[]): Value => simpleCall(op, values, { scope });
  const x = reshape(withoutReshape(given), shape, { scope });
  const inverse = call("Rsqrt", call("AddV2", perRow(variance), scalar(inputs.epsilon)));
  const normalized = call("Mul", call("Sub", x, perRow(mean)), inverse);
  const factor = scale === undefined ? null : perValue(scale);
  const scaled = factor === null ? normalized : call("Mul", normalized, factor);
  const result = reshape(offset === undefined ? scaled : call("AddV2", scaled, perValue(offset)), inputs.x.shape, {
    scope,
  });

  // tfjs cannot differentiate the kernel where one of its inputs is left out.
  if (factor === null || offset === undefined) return result;
  gradients.set(result.node, (gradient) => {
    const options = { scope: `${gradientPrefix}${scope}` };
    const call = (op: string, ...values: readonly Value[]): Value => simpleCall(op, values, options);
    const dy = reshape(gradient, shape, options);
    const dScale = call("Mul", dy, normalized);
    // Mean over each row of `values * factor`, as a product with a vector: the product of all values is never made.
    const numValues = sizeOf(valueShape);
    const column = reshape(call("Mul", factor, scalar(1 / numValues)), [numValues, 1], options);
    const meanOfRow = (values: Value): Value => {
      const attributes = { T: float, transpose_a: attribute.bool(false), transpose_b: attribute.bool(false) };
      const rows = reshape(values, [sizeOf(rowShape), numValues], options);
      return reshape(makeValue("MatMul", [rows, column], attributes, options), perRowShape, options);
    };
    const centred = call("Sub", call("Mul", dy, factor), meanOfRow(dy));
    const dx = call("Mul", call("Sub", centred, call("Mul", normalized, meanOfRow(dScale))), inverse);
    return { x: dx, scale: dScale, offset: dy };
  });
  return result;
}

function splat(shape: readonly number[], value: number): Value {
  return constant({ dtype: "float32", shape, data: Float32Array.of(value) });
}
