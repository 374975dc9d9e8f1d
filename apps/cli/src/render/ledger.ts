import {
  isOtherPrecision,
  type Ledger,
  type LedgerMemory,
  largestShadowDifference,
  precisionInWords,
  type TensorClass,
} from "@anneal/contracts";
import { formatBytes, formatCount, formatMetric } from "./values.ts";

const classNames: Readonly<Record<TensorClass, string>> = {
  weights: "weights",
  masterWeights: "master weights",
  optimizerState: "optimizer state",
  gradients: "gradients",
  activations: "activations",
  batches: "batches",
  workspace: "workspace",
};

/** Tensors below this share of all are not worth a person's time. */
const leastShare = 0.001;
/** So much may be unaccounted for. */
const largestDifference = 0.1;

/** What a run's steps really did, as lines of its report; `--json` has all of it. */
export function ledgerFacts(ledger: Ledger): readonly (readonly [name: string, value: string | null])[] {
  const words = precisionInWords(ledger);
  return [
    ["precision", isOtherPrecision(ledger) ? `WARNING: ${words}` : words],
    ["loss error", lossError(ledger)],
    ["step time", `${formatMetric(ledger.stepMilliseconds)} ms, measured`],
    ["kernels", kernels(ledger)],
    ["tensors", tensors(ledger)],
    ["memory", ledger.memory && memory(ledger.memory)],
  ];
}

function lossError(ledger: Ledger): string | null {
  const difference = largestShadowDifference(ledger);
  const { length } = ledger.shadowLosses;
  if (difference === null) return null;
  return `within ${percent(difference)} of float32's on ${formatCount(length)} training ${length === 1 ? "batch" : "batches"}`;
}

function kernels({ kernels: all, timeShares }: Ledger): string | null {
  const total = all.reduce((sum, { microseconds }) => sum + microseconds, 0);
  if (total === 0) return null;
  const shares = Object.entries(timeShares).map(([dtype, share]) => `${dtype} ${percent(share)} of the time`);
  const shown = all
    .slice(0, 4)
    .map(({ op, dtype, microseconds }) => [op, dtype, percent(microseconds / total)].filter(Boolean).join(" "));
  return `${shares.join(", ")}; ${shown.join(", ")}`;
}

function tensors({ tensors: all }: Ledger): string {
  const total = all.reduce((sum, { numBytes }) => sum + numBytes, 0);
  return all
    .filter(({ numBytes }) => numBytes >= leastShare * total)
    .map((entry) => `${classNames[entry.class]} ${entry.dtype} ${formatBytes(entry.numBytes)}`)
    .join(", ");
}

function memory({ measuredBytes, runtimeBytes, tensorBytes, difference, peakBytes }: LedgerMemory): string {
  const rest = `${percent(Math.abs(difference))} ${difference < 0 ? "counted too much" : "not accounted for"}`;
  const mark = Math.abs(difference) > largestDifference ? "WARNING: " : "";
  return `${formatBytes(measuredBytes)} in a step: ${formatBytes(tensorBytes)} tensors, ${formatBytes(runtimeBytes)} runtime and data, ${mark}${rest}; peak of the process ${formatBytes(peakBytes)}`;
}

function percent(share: number): string {
  const value = 100 * share;
  return `${value >= 10 || value === 0 ? Math.round(value) : Number(value.toPrecision(2))} %`;
}
