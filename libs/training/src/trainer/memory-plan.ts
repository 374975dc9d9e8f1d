import type { MemoryDecision, RunSpec } from "@anneal/contracts";
import { batchBytes } from "@anneal/data";
import { plainRung } from "@anneal/policy";
import type { Setup } from "./setup.ts";

export function decideMemory(spec: RunSpec, setup: Setup): MemoryDecision {
  return unplannedMemory(spec, setup);
}

/** Of runs that were prepared before memory was planned, and of checkpoints that are only read. */
export function unplannedMemory({ policy }: Pick<RunSpec, "policy">, { feed }: Pick<Setup, "feed">): MemoryDecision {
  const rung = plainRung(policy.memory);
  return { rung, why: "not planned", budgetBytes: null, predictedPeakBytes: null, batchBytes: batchBytes(feed) };
}
