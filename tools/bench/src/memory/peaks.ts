import type { Launched } from "../step/launch.ts";
import { peakMemoryMiB, resetPeakMemory, residentMiB } from "../subjects/process-usage.ts";

/** MiB of resident memory. */
export interface PeakMemory {
  /** With framework and batches loaded, before there was a model. */
  readonly base: number;
  /** When the model was there and its step compiled, before the first step. */
  readonly ready: number;
  /** Largest while steps were taken, above the base: what a step takes. */
  readonly step: number;
  /** Largest in the life of the process: the model's building and compiling are in it. */
  readonly process: number;
}

/** All hold as many batches, so that the feed is the same for all. */
export const numBatches = 2;

/** Until caches and allocators have what they keep. */
export async function takeFirstSteps({ process, baseMiB }: Launched) {
  const prepared = peakMemoryMiB(process.pid);
  const ready = residentMiB(process.pid);
  resetPeakMemory(process.pid);
  const { loss: firstLoss } = await process.step(1);
  await process.step(numBatches);
  await process.step(numBatches);
  const whole = peakMemoryMiB(process.pid);
  const peak: PeakMemory = { base: baseMiB, ready, step: whole - baseMiB, process: Math.max(prepared, whole) };
  return { firstLoss, peak };
}

/** What steps add to a process that has its model, its weights and a compiled step: activations and gradients, mostly. */
export function aboveReady({ base, ready, step }: PeakMemory): number {
  return base + step - ready;
}
