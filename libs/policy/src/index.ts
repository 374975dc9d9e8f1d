export { chooseLowering, executionsWorthTrying, type LoweringTrial } from "./choose-lowering.ts";
export { initialLossScale, leastLossScale, nextLossScale } from "./loss-scale.ts";
export { largestMicroBatch, microBatchSizes } from "./micro-batches.ts";
export { type Recovery, recoverFromNonFinite } from "./recover-non-finite.ts";
export { type Device, type PolicyDecisions, resolvePolicy, supportedPrecisions } from "./resolve-policy.ts";
