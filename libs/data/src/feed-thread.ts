import { threadId, workerData } from "node:worker_threads";
import { type ErrorRecord, toAnnealError } from "@anneal/contracts";
import type { FeedPlan } from "./plan.ts";
import { createProducer, type FilledPart, type Stages } from "./producer.ts";
import { Ring, type RingHandles } from "./ring.ts";

/** What every thread of the pool is started with: all of it plain data or shared memory. */
export interface FeedThreadData {
  readonly plan: FeedPlan;
  readonly handles: RingHandles;
  readonly stages: Stages;
}

export interface FeedTask {
  readonly item: number;
  readonly part: number;
}

export interface FeedTaskResult extends FilledPart {
  readonly threadId: number;
  /** Set if the part failed; the engine knows already. */
  readonly failure: ErrorRecord | null;
}

const { plan, handles, stages } = workerData as FeedThreadData;
const ring = new Ring(handles);
const producer = createProducer(plan, handles, stages);

/** One task of the pool. A failure goes to the engine through shared memory before the main thread hears of it. */
export default async function fill(task: FeedTask): Promise<FeedTaskResult> {
  try {
    return { threadId, ...(await producer.fill(task.item, task.part)), failure: null };
  } catch (cause) {
    const failure = toAnnealError(cause).toRecord();
    ring.fail(failure);
    return { threadId, numSamples: 0, busyMs: 0, bad: [], failure };
  }
}
