import { type ComputePrecision, computePrecisions, type LedgerKernels } from "@anneal/contracts";
import { dtypeNumbers, opTable } from "@anneal/graph";
import type { NodeRun } from "@anneal/runtime";
import { dtypeName } from "./dtype-name.ts";

/** What products and convolutions ran in. */
export interface ProductPrecision {
  /** Null where there are none, or XLA ran them: its kernels cannot be seen. */
  readonly ranIn: ComputePrecision | null;
  /** Share (0..1) of their time in the number format that was asked for; null as `ranIn` is. */
  readonly share: number | null;
  /** Share (0..1) of the time of all of them that layers in another format by choice took. */
  readonly exceptedShare: number;
}

/** So much of the time of products and convolutions has to be in a number format for a run to be called by it. */
const leastProductShare = 0.9;

const floats: ReadonlySet<number> = new Set([dtypeNumbers.float32, dtypeNumbers.bfloat16, dtypeNumbers.float16]);

/** How many rows a summary has before the rest is put together. */
const numShown = 8;

/** Kernels that ran, by op and number format of their first output, most expensive first; what is cheap together, by format. */
export function summarizeKernels(nodes: readonly NodeRun[]): readonly LedgerKernels[] {
  const groups = group(nodes, ({ op }) => op, dtypeOfKernel);
  const shown = new Set(groups.slice(0, numShown).map(({ op, dtype }) => `${op} ${dtype}`));
  const isShown = (node: NodeRun) => shown.has(`${node.op} ${dtypeOfKernel(node)}`);
  const [dear, cheap] = [nodes.filter(isShown), nodes.filter((node) => !isShown(node))];
  const floatOrNull = (node: NodeRun) => (isFloat(node) ? dtypeOfKernel(node) : null);
  return [...group(dear, ({ op }) => op, dtypeOfKernel), ...group(cheap, () => "others", floatOrNull)];
}

function group(
  nodes: readonly NodeRun[],
  opOf: (node: NodeRun) => string,
  dtypeOf: (node: NodeRun) => string | null,
): readonly LedgerKernels[] {
  return [...Map.groupBy(nodes, (node) => `${opOf(node)} ${dtypeOf(node)}`).values()]
    .map((own) => ({
      op: opOf(own[0]!),
      dtype: dtypeOf(own[0]!),
      numRuns: own.length,
      microseconds: Math.round(timeOf(own)),
    }))
    .sort((a, b) => b.microseconds - a.microseconds);
}

/** Of the time of kernels that make floating-point numbers, the share of each number format. */
export function timeShares(nodes: readonly NodeRun[]): Readonly<Record<string, number>> {
  const kernels = nodes.filter(isFloat);
  const total = timeOf(kernels);
  const byDtype = Map.groupBy(kernels, (node) => dtypeOfKernel(node)!);
  return Object.fromEntries([...byDtype].map(([dtype, own]) => [dtype, total === 0 ? 0 : timeOf(own) / total]));
}

/**
 * What products and convolutions, most of a step's arithmetic, really ran in.
 *
 * @param asked what they were to run in
 * @param isExcepted whether a node, by name, is of a layer that is in another format by choice: it says nothing about the rest, if there is any
 */
export function precisionOfProducts(
  nodes: readonly NodeRun[],
  asked: ComputePrecision,
  isExcepted: (name: string) => boolean = () => false,
): ProductPrecision {
  const all = nodes.filter(({ op }) => isProduct(op));
  const whole = timeOf(all);
  if (whole === 0 || nodes.some(({ op }) => op.includes("Xla"))) return { ranIn: null, share: null, exceptedShare: 0 };
  const others = all.filter(({ name }) => !isExcepted(name));
  const exceptedShare = 1 - timeOf(others) / whole;
  const products = exceptedShare < 1 ? others : all;
  const total = timeOf(products);
  const shareOf = (precision: ComputePrecision): number =>
    timeOf(products.filter(({ outputs: [first] }) => first?.dtype === dtypeNumbers[precision])) / total;
  // A mixture is called float32: only a run whose products are in a shorter format has that format's name.
  const ranIn = computePrecisions.find((precision) => shareOf(precision) >= leastProductShare) ?? "float32";
  return { ranIn, share: shareOf(asked), exceptedShare };
}

/** Whether a kernel computes products: an op whose row says so, in any of the forms that TensorFlow and oneDNN give it. */
export function isProduct(op: string): boolean {
  const plain = op.replace(/^_?(Mkl)?(Native)?(Fused)?/, "").replace(/WithBias$/, "");
  return (opTable[op] ?? opTable[plain])?.kind === "contraction";
}

function isFloat({ outputs: [first] }: NodeRun): boolean {
  return first !== undefined && floats.has(first.dtype);
}

function dtypeOfKernel({ outputs: [first] }: NodeRun): string | null {
  return first === undefined ? null : dtypeName(first.dtype);
}

function timeOf(nodes: readonly NodeRun[]): number {
  return nodes.reduce((sum, { microseconds }) => sum + microseconds, 0);
}
