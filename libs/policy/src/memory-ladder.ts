import type { EngineName, MemoryRung, Policy, RungMove, RunSpec, TrainingPlan } from "@anneal/contracts";
import { largestMicroBatch } from "./micro-batches.ts";

/** What a run may change to take less memory. */
export interface Ladder {
  readonly batchSize: number;
  readonly engine: EngineName;
  /** What the policy says by number stays as it says. */
  readonly memory: Pick<Policy["memory"], "microBatches" | "recomputeSegments">;
  /** Of one prepared batch. */
  readonly batchBytes: number;
}

/** Kernels lose their speed on fewer samples than this: other means come first. */
const comfortableMicroBatch = 8;
const recomputeSteps = [1, 2, 4, 8, 16] as const;
/** Enough for most, since preparing goes on while the engine trains; the very last move goes to one. */
const fewestPrefetched = 2;
/** A new process is not worth it for less: fewer prefetched batches alone are a move where they free so much. */
const worthwhileBytes = 32 * 2 ** 20;

/** The rung of a policy that leaves memory alone: whole batches, nothing computed again, unless it says otherwise. */
export function plainRung({ microBatches = 1, recomputeSegments = 1, prefetchBatches }: Policy["memory"]): MemoryRung {
  return { prefetchBatches, microBatches, recomputeSegments };
}

/**
 * All rungs from this one on in the order in which a planner prefers them: as it is, micro-batches, recomputation, both, then
 * all of these with fewer prefetched batches.
 */
export function* rungsByPreference(plain: MemoryRung, ladder: Ladder): Generator<MemoryRung> {
  const micro = microSteps(plain.microBatches, ladder);
  const comfortable = micro.filter((count) => count === plain.microBatches || isComfortable(count, ladder));
  const tiny = micro.filter((count) => !comfortable.includes(count));
  const recompute = recomputeStepsFrom(plain.recomputeSegments, ladder);
  const again = recompute.slice(1);
  const parts: readonly (readonly [number, number])[] = [
    ...comfortable.map((count) => [count, plain.recomputeSegments] as const),
    ...again.map((segments) => [plain.microBatches, segments] as const),
    ...comfortable.slice(1).flatMap((count) => again.map((segments) => [count, segments] as const)),
    ...tiny.flatMap((count) => recompute.map((segments) => [count, segments] as const)),
  ];
  for (const prefetchBatches of prefetchStepsFrom(plain.prefetchBatches)) {
    for (const [microBatches, recomputeSegments] of parts) yield { prefetchBatches, microBatches, recomputeSegments };
  }
}

/**
 * The rung to go on with after memory was short on this one: fewer prefetched batches, then smaller micro-batches, then
 * recomputation, each on top of the last; null where nothing is left.
 */
export function nextRung(rung: MemoryRung, ladder: Ladder): MemoryRung | null {
  const { prefetchBatches, microBatches, recomputeSegments } = rung;
  const freed = (prefetchBatches - fewestPrefetched) * ladder.batchBytes;
  if (freed >= worthwhileBytes) return { ...rung, prefetchBatches: fewestPrefetched };
  const fewer = { ...rung, prefetchBatches: Math.min(prefetchBatches, fewestPrefetched) };
  const [, smaller] = microSteps(microBatches, ladder);
  if (smaller !== undefined && isComfortable(smaller, ladder)) return { ...fewer, microBatches: smaller };
  // Two steps at once: each move costs what was trained since the last checkpoint.
  const more = recomputeStepsFrom(recomputeSegments, ladder).slice(1, 3).at(-1);
  if (more !== undefined) return { ...fewer, recomputeSegments: more };
  if (smaller !== undefined) return { ...fewer, microBatches: smaller };
  if (prefetchBatches > fewestPrefetched) return fewer;
  return prefetchBatches > 1 ? { ...rung, prefetchBatches: 1 } : null;
}

/** Slots of the ring for prepared batches: those ahead, and the one in the engine's hands. */
export function numRingSlots({ prefetchBatches }: Pick<MemoryRung, "prefetchBatches">, stepsPerCall = 1): number {
  // The batches of a call of several steps are held until it ends: those of the next must be ready by then.
  return prefetchBatches + 1 + (stepsPerCall > 1 ? 2 * stepsPerCall : 0);
}

/** What a run of this spec and plan may change. */
export function ladderOf(
  { engine, policy }: Pick<RunSpec, "engine" | "policy">,
  { batchSize, memory }: Pick<TrainingPlan, "batchSize" | "memory">,
): Ladder {
  return { engine, batchSize, memory: policy.memory, batchBytes: memory?.batchBytes ?? 0 };
}

/** The rung that a run is on: that of its last move, else the one it began on. */
export function rungInForce(
  { policy }: Pick<RunSpec, "policy">,
  { memory }: Pick<TrainingPlan, "memory">,
  moves: readonly RungMove[] = [],
): MemoryRung {
  // Runs that older versions prepared have no decision.
  return moves.at(-1)?.rung ?? memory?.rung ?? plainRung(policy.memory);
}

/** What a rung does, one phrase each; none for whole batches with as many prefetched as `usual`. */
export function rungInWords(rung: MemoryRung, usual: Pick<MemoryRung, "prefetchBatches">): readonly string[] {
  const { prefetchBatches, microBatches, recomputeSegments } = rung;
  return [
    ...(microBatches > 1 ? [`micro-batches ${microBatches}`] : []),
    ...(recomputeSegments > 1 ? [`recomputation in ${recomputeSegments} segments`] : []),
    ...(prefetchBatches === usual.prefetchBatches
      ? []
      : [`${prefetchBatches} ${prefetchBatches === 1 ? "batch" : "batches"} ahead`]),
  ];
}

/** Numbers of micro-batches from this one on, each with smaller parts than the one before. */
function microSteps(from: number, { batchSize, memory }: Ladder): readonly number[] {
  if (memory.microBatches !== undefined) return [from];
  const steps = [from];
  for (let count = 2 * from; largestMicroBatch(batchSize, steps.at(-1)!) > 1; count *= 2) {
    steps.push(Math.min(count, batchSize));
  }
  return steps;
}

export function isSameRung(a: MemoryRung, b: MemoryRung): boolean {
  return (
    a.prefetchBatches === b.prefetchBatches &&
    a.microBatches === b.microBatches &&
    a.recomputeSegments === b.recomputeSegments
  );
}

function isComfortable(count: number, { batchSize }: Ladder): boolean {
  return largestMicroBatch(batchSize, count) >= comfortableMicroBatch;
}

function recomputeStepsFrom(from: number, { engine, memory }: Ladder): readonly number[] {
  const isFixed = memory.recomputeSegments !== undefined || engine === "eager";
  return [from, ...(isFixed ? [] : recomputeSteps.filter((count) => count > from))];
}

function prefetchStepsFrom(from: number): readonly number[] {
  return [...new Set([from, Math.min(from, fewestPrefetched), 1])];
}
