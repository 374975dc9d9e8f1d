/**
 * In what order a tensor's axes lie in memory: axis `i` of memory is axis `order[i]` of the value. ONNX convolves images whose channels
 * come first, the graph has them last. So a value may be there in another order than its own, and is put in it only where somebody
 * needs that: most transposes never come to be.
 */
export type Order = readonly number[];

export function plainOrder(rank: number): Order {
  return Array.from({ length: rank }, (_, axis) => axis);
}

/** Channels, which are last, right after the batch. */
export function channelsFirst(rank: number): Order {
  return rank < 3 ? plainOrder(rank) : [0, rank - 1, ...plainOrder(rank - 1).slice(1)];
}

export function isPlain(order: Order): boolean {
  return order.every((axis, index) => axis === index);
}

export function keyOf(order: Order): string {
  return order.join();
}

/** The axes to permute memory by that is in one order, to have it in another. */
export function permutationBetween(from: Order, to: Order): Order {
  return to.map((axis) => from.indexOf(axis));
}

/** What memory in `order` is for the value whose axis `i` is axis `permutation[i]` of this one. */
export function orderAfter(order: Order, permutation: Order): Order {
  return order.map((axis) => permutation.indexOf(axis));
}

/** Sizes as they lie in memory. */
export function inOrder<T>(values: readonly T[], order: Order): readonly T[] {
  return order.map((axis) => values[axis]!);
}
