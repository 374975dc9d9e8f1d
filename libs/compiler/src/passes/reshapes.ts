import { producerOf, type Value } from "@anneal/graph";

/** What a value was before it was given another shape: the same numbers in the same order. */
export function withoutReshape(value: Value): Value {
  const node = producerOf(value, "Reshape");
  return node === null ? value : node.inputs[0]!;
}
