import { type MemoryDecision, policySchema, type RungMove } from "@anneal/contracts";
import { type RungSpan, rungInWords, rungSpans } from "@anneal/policy";
import { formatCount } from "./values.ts";

/** How a run uses memory: what was decided before step 1, and the moves since. */
export interface RunMemory {
  readonly decision: MemoryDecision;
  readonly moves: readonly RungMove[];
}

/** What a run shows of its memory; nothing where it trains on whole batches and nobody asked for less. */
export function memoryFacts(
  { decision, moves }: RunMemory,
  step: number,
): readonly (readonly [string, string | null])[] {
  const { rung, why, budgetBytes } = decision;
  const isPlain = rung.microBatches === 1 && rung.recomputeSegments === 1;
  if (moves.length === 0) {
    return [["memory", isPlain && budgetBytes === null ? null : planInWords(decision)]];
  }
  // The last move may have made no step yet.
  const current = moves.at(-1)!;
  const spans = rungSpans({ rung, why }, moves, step);
  const isBegun = spans.at(-1)?.from === current.step + 1;
  return [
    ["memory", `${inWords(current)} since step ${formatCount(current.step)}: ${current.why}`],
    ...spans.map((span) => ["", describe(span)] as const),
    ...(isBegun ? [] : [["", `from step ${formatCount(current.step + 1)}: ${inWords(current)}`] as const]),
  ];
}

/** The decision in one line: `micro-batches 4: a peak of …`. */
export function planInWords(decision: MemoryDecision): string {
  return `${inWords(decision)}: ${decision.why}`;
}

/** `micro-batches 4, 2 batches ahead`. */
export function inWords({ rung }: Pick<RungMove, "rung">): string {
  return rungInWords(rung, usual).join(", ") || "whole batches";
}

const usual = policySchema.parse({}).memory;

function describe(span: RungSpan): string {
  return `steps ${formatCount(span.from)}-${formatCount(span.to)}: ${inWords(span)} (${span.why})`;
}
