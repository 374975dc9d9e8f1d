import type { Value } from "./graph.ts";
import { type ConstantValue, sizeOf } from "./types.ts";

/** The value of a constant node's only output; null for every other node. */
export function constantOf({ node }: Value): ConstantValue | null {
  const found = node.op === "Const" ? node.attributes.value : undefined;
  return found?.kind === "tensor" ? found.value : null;
}

/** The numbers of a constant, one for each place; null for what is no constant. */
export function numbersOf(value: Value): readonly number[] | null {
  const found = constantOf(value);
  if (found === null) return null;
  const { data, shape } = found;
  return Array.from({ length: sizeOf(shape) }, (_, index) => Number(data[data.length === 1 ? 0 : index]));
}
