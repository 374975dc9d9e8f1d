import type { ErrorRecord, MemoryRung, RunSpec, SegmentInput, SegmentResult, TrainingPlan } from "@anneal/contracts";
import { ladderOf, nextRung, plainRung, rungInForce, rungInWords } from "@anneal/policy";

/** A move on the memory ladder that no checkpoint has yet. */
export type Move = NonNullable<SegmentInput["move"]>;

/** The rung that the next segment trains on. */
export function rungOf(spec: RunSpec, plan: TrainingPlan, last: SegmentResult | null, move: Move | null): MemoryRung {
  return move?.rung ?? rungInForce(spec, plan, last?.rungMoves);
}

/** The move that follows where memory was short on this rung, for this reason; null where no rung is left. */
export function climb(spec: RunSpec, plan: TrainingPlan, rung: MemoryRung, why: string): Move | null {
  const next = nextRung(rung, ladderOf(spec, plan));
  return next && { rung: next, why };
}

/** Why a run moves after an attempt that ran out of memory. */
export function outOfMemoryAt({ message, facts }: ErrorRecord): string {
  const where = typeof facts.atStep === "number" ? ` after step ${facts.atStep}` : "";
  return `out of memory${where}: ${message}`;
}

/** The failure of a run that has no rung left. */
export function withoutRung(spec: RunSpec, rung: MemoryRung, error: ErrorRecord): ErrorRecord {
  const how = rungInWords(rung, plainRung(spec.policy.memory)).join(", ");
  const tried = how === "" ? "its policy leaves it nothing to change" : `it was on its last rung: ${how}`;
  return {
    ...error,
    remedy: `The memory ladder is at its end (${tried}). Lower the batch size or the model's size, or give the run more memory.`,
  };
}
