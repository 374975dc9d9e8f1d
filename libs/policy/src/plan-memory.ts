import { AnnealError, type MemoryDecision, type MemoryRung, type Policy } from "@anneal/contracts";
import { bytesInWords, type MemoryBudget } from "./memory-budget.ts";
import { type Ladder, plainRung, rungInWords, rungsByPreference } from "./memory-ladder.ts";

export interface MemoryPlanning extends Ladder {
  readonly memory: Policy["memory"];
  /** Null: whatever it takes. */
  readonly budget: MemoryBudget | null;
  /** Bytes that the trainer takes at its peak on a rung, the runtime included. Asked only where there is a budget. */
  readonly predictPeak: (rung: MemoryRung) => number;
  /** Whether layers normalise over the samples of a batch: then micro-batches are not quite the same training. */
  readonly normalisesOverBatch: boolean;
}

const batchNormCaveat =
  "batch normalisation takes its means over a micro-batch instead of the batch, so that results differ from those of whole batches";

/**
 * The rung that a run begins on: the first by preference whose predicted peak is within the budget.
 *
 * @throws AnnealError BUDGET_TOO_SMALL that names the smallest budget that would do
 */
export function planMemory(planning: MemoryPlanning): MemoryDecision {
  const { memory, budget, batchBytes, predictPeak } = planning;
  const plain = plainRung(memory);
  if (budget === null) {
    const isAsked = memory.microBatches !== undefined || memory.recomputeSegments !== undefined;
    const why = [isAsked ? "as asked for" : "no budget was given", ...caveatsOf(plain, planning)].join("; ");
    return { rung: plain, why, budgetBytes: null, predictedPeakBytes: null, batchBytes };
  }
  let plainBytes: number | null = null;
  let least: { readonly rung: MemoryRung; readonly bytes: number } | null = null;
  for (const rung of rungsByPreference(plain, planning)) {
    const bytes = predictPeak(rung);
    plainBytes ??= bytes;
    if (bytes <= budget.bytes) {
      const fits = `a peak of ${bytesInWords(bytes)} is predicted, within the budget of ${budget.inWords}`;
      const instead = bytes === plainBytes ? [] : [`without, ${bytesInWords(plainBytes)}`];
      const why = [fits, ...instead, ...caveatsOf(rung, planning)].join("; ");
      return { rung, why, budgetBytes: budget.bytes, predictedPeakBytes: bytes, batchBytes };
    }
    if (least === null || bytes < least.bytes) least = { rung, bytes };
  }
  throw tooSmall(budget, plainBytes!, least!, plain);
}

function caveatsOf({ microBatches }: MemoryRung, { normalisesOverBatch }: MemoryPlanning): readonly string[] {
  return microBatches > 1 && normalisesOverBatch ? [batchNormCaveat] : [];
}

function tooSmall(
  budget: MemoryBudget,
  plainBytes: number,
  least: { readonly rung: MemoryRung; readonly bytes: number },
  plain: MemoryRung,
): AnnealError {
  const how = rungInWords(least.rung, plain).join(", ");
  // Rounded up, so that the amount as it is written does.
  const wouldDo = `${Math.ceil(least.bytes / 2 ** 20)}MiB`;
  return new AnnealError(
    "BUDGET_TOO_SMALL",
    `this training does not fit its memory budget of ${budget.inWords}: at its smallest${how && ` (${how})`} it is predicted ` +
      `to take ${bytesInWords(least.bytes)}, as it is ${bytesInWords(plainBytes)}`,
    least.bytes > budget.grantedBytes
      ? `It needs a machine or a container that grants ${wouldDo} or more; or lower the batch size or the model's size.`
      : `Give it a budget of ${wouldDo} or more (--memory-budget ${wouldDo}), or lower the batch size or the model's size.`,
    { budgetBytes: budget.bytes, smallestBytes: least.bytes, plainBytes },
  );
}
