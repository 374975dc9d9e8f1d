import type { LossScale, Policy } from "@anneal/contracts";

/** Factors of a scale that grows, and of one that backs off: powers of two, so that scaling changes exponents alone. */
const growth = 2;
const backOff = 0.5;
/** Below this the loss would be made smaller: what is not finite there is so without any scaling. */
export const leastLossScale = 1;
/** A scale that grows for ever would at last be infinite itself. */
export const largestLossScale = 2 ** 24;

export function initialLossScale({ initial }: Policy["lossScale"]): LossScale {
  return { scale: initial, numGoodSteps: 0, numSkippedSteps: 0 };
}

/**
 * The scale for the step after one whose gradients were finite, or were not, which then updated nothing: dynamic loss scaling
 * (Micikevicius et al. 2018, arXiv 1710.03740, section 3.2). The scale grows after `growthInterval` steps in a row that were finite and
 * backs off at once.
 */
export function nextLossScale(
  { scale, numGoodSteps, numSkippedSteps }: LossScale,
  wasFinite: boolean,
  { growthInterval }: Pick<Policy["lossScale"], "growthInterval">,
): LossScale {
  if (!wasFinite) {
    return {
      scale: Math.max(scale * backOff, leastLossScale),
      numGoodSteps: 0,
      numSkippedSteps: numSkippedSteps + 1,
    };
  }
  if (numGoodSteps + 1 < growthInterval) return { scale, numGoodSteps: numGoodSteps + 1, numSkippedSteps };
  return { scale: Math.min(scale * growth, largestLossScale), numGoodSteps: 0, numSkippedSteps };
}
