import { bytesOf, memoryUseOf, multiplicationsOf, type Node } from "@anneal/graph";

/**
 * Rates of one op on two cores of a server CPU with AVX-512, measured with TensorFlow 2.21. They decide which of several ops
 * ends first on paper, and what is dear to compute twice: only their ratios matter.
 */
const multiplicationsPerMicrosecond = 100_000;
const bytesPerMicrosecond = 10_000;
const microsecondsPerCall = 2;

/** TensorFlow runs what took less at once, on the thread that it is on. */
const expensiveMicroseconds = 4;

export function estimateMicroseconds(node: Node): number {
  if (memoryUseOf(node).viewOf !== null) return microsecondsPerCall;
  const read = node.inputs.reduce((sum, { node: { outputs }, index }) => sum + bytesOf(outputs[index]!), 0);
  const written = node.outputs.reduce((sum, type) => sum + bytesOf(type), 0);
  const arithmetic = multiplicationsOf(node) / multiplicationsPerMicrosecond;
  return microsecondsPerCall + Math.max(arithmetic, (read + written) / bytesPerMicrosecond);
}

export function isExpensive(node: Node): boolean {
  return estimateMicroseconds(node) > expensiveMicroseconds;
}
