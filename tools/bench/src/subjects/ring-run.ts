import { Worker } from "node:worker_threads";
import { policySchema } from "@anneal/contracts";
import { type Feed, type FeedPlan, type FeedStats, openFeed } from "@anneal/data";
import { numRingSlots, plainRung } from "@anneal/policy";
import { requestedDevice, tensorflowEnvironment } from "@anneal/runtime";
import type { EngineState } from "@anneal/training";
import { machineThreads } from "./mnist.ts";
import type { RingMessage, RingOutcome, RingThreadData, RingWork } from "./ring-thread.ts";

export interface RingRunOptions {
  readonly plan: FeedPlan;
  readonly startItem: number;
  readonly stopItem: number;
  readonly work: RingWork;
  /** Called once, before the feed starts. */
  readonly onFeed?: (feed: Feed) => void;
  /** Called for each copy of the state while the thread trains on. */
  readonly onSnapshot?: (step: number, state: EngineState) => void;
}

/**
 * The public parts of a trainer put together as it does it: a feed on this thread with its pool, and a thread that takes
 * the batches. For what a trainer does not tell of itself: waits at an epoch's border, single stalls.
 */
export async function runRing(options: RingRunOptions): Promise<RingOutcome & { readonly feed: FeedStats }> {
  const { plan, startItem, stopItem, work } = options;
  const device = requestedDevice();
  const numSlots = numRingSlots(plainRung(policySchema.parse({}).memory));
  const feed = openFeed({ plan, startItem, stopItem, numSlots });
  options.onFeed?.(feed);
  // TensorFlow reads its environment when it is loaded: set before the thread starts.
  const settings = { numIntraOpThreads: machineThreads.intraOp, numInterOpThreads: machineThreads.interOp, device };
  Object.assign(process.env, tensorflowEnvironment(settings));
  const workerData: RingThreadData = { ring: feed.handles, work };
  const worker = new Worker(new URL("./ring-thread.ts", import.meta.url), { workerData });
  try {
    const { promise, resolve, reject } = Promise.withResolvers<RingOutcome>();
    worker.on("error", reject);
    worker.on("exit", (code) => reject(new Error(`the thread that reads the ring exited with code ${code}`)));
    worker.on("message", (message: RingMessage) => {
      if (message.type === "ready") feed.start();
      else if (message.type === "snapshot") options.onSnapshot?.(message.step, message.state);
      else resolve(message.outcome);
    });
    const outcome = await promise;
    return { ...outcome, feed: feed.stats() };
  } finally {
    await feed.close();
    await worker.terminate();
  }
}
