import { readAttribute } from "./attributes.ts";
import { constantOf, numbersOf } from "./constants.ts";
import { type Node, typeOf, type Value } from "./graph.ts";

/** The node that makes a value as its first output, if it is one of these ops; null for every other. */
export function producerOf({ node, index }: Value, ...ops: readonly string[]): Node | null {
  return index === 0 && ops.includes(node.op) ? node : null;
}

/** The number that every place of a constant has; null for a constant of several and for what is no constant. */
export function splatOf(value: Value): number | null {
  const found = constantOf(value);
  if (found === null || found.data.length === 0) return null;
  const [first] = found.data;
  return found.data.every((each) => each === first) ? Number(first) : null;
}

/** The axes that a reduction folds, counted from the front, in order. */
export function reducedAxes(node: Node): readonly number[] {
  const rank = typeOf(node.inputs[0]!).shape.length;
  const axes = node.inputs[1] === undefined ? null : numbersOf(node.inputs[1]);
  if (axes === null) throw new RangeError(`${node.op} has no constant axes`);
  return axes.map((axis) => (axis < 0 ? axis + rank : axis)).sort((a, b) => a - b);
}

/** Whether an attribute is set; one that the node does not have is not. */
export function isSet(node: Node, name: string): boolean {
  return readAttribute(node.attributes, name, "bool") ?? false;
}
