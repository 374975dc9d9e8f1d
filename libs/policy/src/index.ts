export { type Bfloat16Products, bfloat16ProductsOf } from "./bfloat16-products.ts";
export { checkPolicy } from "./check-policy.ts";
export { chooseLowering, executionsWorthTrying, type LoweringTrial } from "./choose-lowering.ts";
export { choosePrecision, type HalfSupport, precisionsWorthTrying } from "./choose-precision.ts";
export { type JudgedStrategy, type Judgement, judgeStrategies, measuresOf } from "./judge-strategies.ts";
export { initialLossScale, leastLossScale, nextLossScale } from "./loss-scale.ts";
export { bytesInWords, type MemoryBudget, resolveBudget } from "./memory-budget.ts";
export {
  isSameRung,
  type Ladder,
  ladderOf,
  nextRung,
  numRingSlots,
  plainRung,
  rungInForce,
  rungInWords,
} from "./memory-ladder.ts";
export { judgeReading, noPressure, type PressureState } from "./memory-pressure.ts";
export { largestMicroBatch, microBatchSizes } from "./micro-batches.ts";
export { type MemoryPlanning, planMemory } from "./plan-memory.ts";
export { budgetOf, isShare, planStrategies, type StrategyParts, strategySpec } from "./plan-strategies.ts";
export { type Recovery, recoverFromNonFinite } from "./recover-non-finite.ts";
export { type RungSpan, rungSpans } from "./rung-spans.ts";
export {
  type FeedLimits,
  type FeedMeasurement,
  type FeedTuning,
  tuneFeed,
  untuned,
} from "./tune-feed.ts";
