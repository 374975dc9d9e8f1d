import type { Corrections, ErrorRecord, Policy } from "@anneal/contracts";

/** What a failed step means for the run: go on from the last checkpoint with these corrections, or give up, and why. */
export type Recovery =
  | { readonly kind: "recover"; readonly corrections: Corrections; readonly why: string }
  | { readonly kind: "fail"; readonly why: string };

/**
 * The policy's answer to LOSS_NOT_FINITE, given the corrections already in force. A step whose batch was passed over cannot
 * fail again, so every recovery moves the run or uses up its budget.
 */
export function recoverFromNonFinite(
  { remedy, maxRecoveries, learningRateFactor }: Policy["nonFinite"],
  inForce: Corrections | null,
  { facts }: Pick<ErrorRecord, "facts">,
): Recovery {
  const numRecoveries = (inForce?.numRecoveries ?? 0) + 1;
  if (remedy === "fail") return { kind: "fail", why: "the policy's remedy is to fail" };
  if (numRecoveries > maxRecoveries) return { kind: "fail", why: `all ${maxRecoveries} recoveries are used up` };
  const before = inForce ?? { learningRateScale: 1, skippedSteps: [] };
  if (remedy === "lowerLearningRate") {
    const learningRateScale = before.learningRateScale * learningRateFactor;
    return {
      kind: "recover",
      corrections: { ...before, learningRateScale, numRecoveries },
      why: `goes on with the learning rate times ${learningRateScale} (recovery ${numRecoveries} of ${maxRecoveries})`,
    };
  }
  const { step } = facts;
  if (typeof step !== "number") return { kind: "fail", why: "it is not known which step failed" };
  // The error counts steps from 1, as people do.
  const skippedSteps = [...new Set([...before.skippedSteps, step - 1])].sort((a, b) => a - b);
  return {
    kind: "recover",
    corrections: { ...before, skippedSteps, numRecoveries },
    why: `goes on without the batch of step ${step} (recovery ${numRecoveries} of ${maxRecoveries})`,
  };
}
