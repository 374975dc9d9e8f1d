import type { MemoryDecision, PrepareInput, RunSpec } from "@anneal/contracts";
import { batchBytes, cacheBytesOf } from "@anneal/data";
import { ladderOf, nextRung, plainRung, planMemory, resolveBudget } from "@anneal/policy";
import { grantedMemory } from "@anneal/runtime";
import type { EngineHost } from "./engine-host.ts";
import type { PrepareEngine } from "./engine-protocol.ts";
import type { Setup } from "./setup.ts";

/**
 * The rung that a new run begins on, and why.
 *
 * @param outOfMemory what became of earlier attempts to prepare it: so many rungs further on
 * @throws AnnealError BUDGET_TOO_SMALL
 */
export async function decideMemory(
  host: EngineHost,
  prepare: PrepareEngine,
  spec: RunSpec,
  setup: Setup,
  outOfMemory: PrepareInput["outOfMemory"],
): Promise<MemoryDecision> {
  const { memory } = spec.policy;
  const budget = memory.budget === undefined ? null : resolveBudget(memory.budget, grantedMemory());
  const planning = {
    memory,
    budget,
    engine: spec.engine,
    batchSize: setup.plan.batchSize,
    batchBytes: batchBytes(setup.feed),
  };
  // Without a budget nothing is predicted, and only micro-batches have something to be said of.
  const isPredicted = budget !== null || (memory.microBatches ?? 1) > 1;
  const decision = isPredicted
    ? await host.call("planMemory", { prepare, planning, cacheBytes: cacheBytesOfAll(setup) })
    : planMemory({ ...planning, normalisesOverBatch: false, predictPeak: () => 0 });
  return outOfMemory ? furtherOn(decision, spec, setup, outOfMemory) : decision;
}

function cacheBytesOfAll({ datasets: { train, validation } }: Setup): number {
  return cacheBytesOf(train) + (validation === null ? 0 : cacheBytesOf(validation));
}

/** Of runs that were prepared before memory was planned, and of checkpoints that are only read. */
export function unplannedMemory({ policy }: Pick<RunSpec, "policy">, { feed }: Pick<Setup, "feed">): MemoryDecision {
  const rung = plainRung(policy.memory);
  return { rung, why: "not planned", budgetBytes: null, predictedPeakBytes: null, batchBytes: batchBytes(feed) };
}

function furtherOn(
  decision: MemoryDecision,
  spec: RunSpec,
  { plan }: Setup,
  { numTimes, why }: NonNullable<PrepareInput["outOfMemory"]>,
): MemoryDecision {
  const ladder = ladderOf(spec, { ...plan, memory: decision });
  let { rung } = decision;
  for (let moves = 0; moves < numTimes; moves++) rung = nextRung(rung, ladder) ?? rung;
  return { ...decision, rung, why: `${why}; before that: ${decision.why}`, predictedPeakBytes: null };
}
