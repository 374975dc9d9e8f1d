import { totalmem } from "node:os";
import { type MemoryDecision, policySchema } from "@anneal/contracts";
import { bytesInWords, planMemory } from "@anneal/policy";
import { freeUnusedMemory, type Tfjs } from "@anneal/runtime";
import { type EngineOptions, openPeakPredictor } from "@anneal/training";
import { machineThreads } from "../subjects/mnist.ts";

/**
 * The rung that a trainer would choose for a process with these bytes.
 *
 * @throws AnnealError BUDGET_TOO_SMALL
 */
export function planWithin(tf: Tfjs, options: EngineOptions, budgetBytes: number): MemoryDecision {
  using predictor = openPeakPredictor(tf, options, machineThreads.interOp);
  freeUnusedMemory();
  const baseBytes = process.memoryUsage.rss();
  return planMemory({
    memory: policySchema.parse({}).memory,
    budget: { bytes: budgetBytes, inWords: bytesInWords(budgetBytes), grantedBytes: totalmem() },
    engine: "compiled",
    batchSize: options.batchSize,
    // All of the bench's batches are in memory already.
    batchBytes: 0,
    normalisesOverBatch: predictor.normalisesOverBatch,
    predictPeak: (rung) => baseBytes + predictor.predictStep(rung),
  });
}
