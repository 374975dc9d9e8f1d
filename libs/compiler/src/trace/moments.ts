import { numbersOf, producerOf, reducedAxes, sameShape, sameType, sameValue, typeOf, type Value } from "@anneal/graph";

/** A tensor as mean and variance were taken of it. */
export interface Moments {
  /** Shape of the tensor that was folded: that of the tensor itself, but for axes of size 1. */
  readonly shape: readonly number[];
  /** Axes of `shape` that were folded, in order. */
  readonly axes: readonly number[];
}

/** What a value is before it was given another shape, or converted to the dtype that it had. Its values are the same, in order. */
export function withoutReshape(value: Value): Value {
  let current = value;
  for (;;) {
    const node = producerOf(current, "Reshape", "Cast", "Identity");
    const [input] = node?.inputs ?? [];
    if (input === undefined || typeOf(input).dtype !== typeOf(current).dtype) return current;
    current = input;
  }
}

/**
 * How `tf.moments` of `x` gave these two values; null when they are something else. The shapes of all three may have been
 * changed since.
 */
export function momentsOf(x: Value, mean: Value, variance: Value): Moments | null {
  const meanNode = producerOf(withoutReshape(mean), "Mean");
  const varianceNode = producerOf(withoutReshape(variance), "Mean");
  const square = varianceNode === null ? null : producerOf(withoutReshape(varianceNode.inputs[0]!), "Square");
  const deviation = square === null ? null : producerOf(withoutReshape(square.inputs[0]!), "Sub");
  if (meanNode === null || varianceNode === null || deviation === null) return null;
  const source = withoutReshape(x);
  const isOfX = [meanNode.inputs[0]!, deviation.inputs[0]!].every((value) => sameValue(withoutReshape(value), source));
  const isFromMean = sameValue(withoutReshape(deviation.inputs[1]!), withoutReshape(mean));
  const { shape } = typeOf(meanNode.inputs[0]!);
  const axes = reducedAxes(meanNode);
  const isAlike = sameShape(axes, reducedAxes(varianceNode)) && sameShape(shape, typeOf(varianceNode.inputs[0]!).shape);
  return isOfX && isFromMean && isAlike ? { shape, axes } : null;
}

/** What a value was before it was repeated along axes where it had one value; null for what was not. */
export function withoutRepeats(value: Value): Value | null {
  const tile = producerOf(withoutReshape(value), "Tile");
  if (tile === null) return null;
  const [input, multiples] = tile.inputs as [Value, Value];
  const { shape } = typeOf(input);
  const isBroadcast = numbersOf(multiples)?.every((multiple, axis) => multiple === 1 || shape[axis] === 1) ?? false;
  return isBroadcast && !sameType(typeOf(input), tile.outputs[0]!) ? input : null;
}
