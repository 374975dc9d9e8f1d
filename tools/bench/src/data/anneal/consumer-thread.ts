import { parentPort, workerData } from "node:worker_threads";
import { type RingHandles, RingReader } from "@anneal/data";
import type { RunRequest } from "../protocol.ts";
import { Tally, type TallyResult } from "../tally.ts";

/** What the consuming thread is started with. */
export interface ConsumerData {
  readonly ring: RingHandles;
  readonly request: RunRequest;
  /** When the request came, in ms by the clock. */
  readonly startedAt: number;
}

const { ring, request, startedAt } = workerData as ConsumerData;
const reader = new RingReader(ring);
const tally = new Tally(request, startedAt, ring.schedule.batchSize);
for (let item = reader.next(); item !== null; item = reader.next()) {
  const { inputs, labels, index, numSamples, waitedMs, isLastOfPhase } = item;
  tally.consume(
    () => inputs,
    () => labels,
    numSamples,
    waitedMs,
  );
  reader.release(index);
  if (isLastOfPhase) tally.endEpoch();
}
parentPort?.postMessage(tally.result satisfies TallyResult);
