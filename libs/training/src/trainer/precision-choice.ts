import type { ComputePrecision, PrecisionDecision, RunSpec } from "@anneal/contracts";
import { openFeed } from "@anneal/data";
import { type Bfloat16Products, bfloat16ProductsOf, precisionsWorthTrying } from "@anneal/policy";
import { readCpu, requestedDevice } from "@anneal/runtime";
import type { EngineHost } from "./engine-host.ts";
import type { PrepareEngine } from "./engine-protocol.ts";
import type { Setup } from "./setup.ts";

/** Batches that a trial takes: enough for losses to part ways, few enough for a person who waits for step 1. */
const numTrialBatches = 8;
const leastTrialBatches = 3;
/** Of shorter trainings nobody saves what a trial takes. */
const leastSteps = 10 * numTrialBatches;

/**
 * The format that a new run's steps are computed in: as asked for, or for "auto" by a trial on its first batches.
 *
 * @throws AnnealError whatever the recipe's data or its step in float32 throw
 */
export async function decidePrecisionOf(
  spec: RunSpec,
  setup: Setup,
  host: EngineHost,
  prepare: PrepareEngine,
): Promise<PrecisionDecision> {
  const asked = spec.policy.precision;
  if (asked !== "auto") return precisionAskedFor(spec);
  const float32 = (why: string): PrecisionDecision => ({
    precision: "float32",
    isAskedFor: false,
    why,
    candidates: [],
  });
  if (spec.engine === "eager") return float32("the eager engine knows no other format");
  const formats = precisionsWorthTrying({ device: requestedDevice(), bfloat16Products: bfloat16Products() });
  if (formats.length === 0) return float32("this machine gains nothing by 16-bit floats");
  const { plan, feed: feedPlan } = setup;
  const numBatches = Math.min(numTrialBatches, Math.floor(plan.numTrainSamples / plan.batchSize));
  if (plan.totalSteps < leastSteps || numBatches < leastTrialBatches) {
    return float32(`a training of ${plan.totalSteps} steps is too short for a trial`);
  }
  const feed = openFeed({ plan: feedPlan, startItem: 0, stopItem: numBatches, numSlots: numBatches });
  try {
    feed.start();
    const tried = ["float32", ...formats] as const;
    const lossScale = spec.policy.lossScale.initial;
    return await host.call("tryPrecisions", { prepare, tried, ring: feed.handles, lossScale });
  } finally {
    await feed.close();
  }
}

/** Without a trial: float32 where a trial was asked for. */
export function precisionAskedFor({ policy: { precision } }: RunSpec): PrecisionDecision {
  if (precision === "auto")
    return { precision: "float32", isAskedFor: false, why: "no trial was made", candidates: [] };
  const caveat = requestedDevice() === "cpu" ? caveatOnCpu(precision) : null;
  return { precision, isAskedFor: true, why: "asked for", ...(caveat !== null && { caveat }), candidates: [] };
}

function caveatOnCpu(precision: ComputePrecision): string | null {
  // TensorFlow's gradients of float16 convolutions are not made for CPUs: 150 times as long as in float32 for the MNIST recipe.
  if (precision === "float16") return "a CPU computes it as a GPU would, many times slower than float32";
  const isSlow = precision === "bfloat16" && bfloat16Products() === "slow";
  return isSlow ? "this processor's products are faster in float32 and stay in it" : null;
}

function bfloat16Products(): Bfloat16Products {
  return bfloat16ProductsOf(readCpu().extensions);
}
