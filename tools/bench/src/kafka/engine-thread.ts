import { parentPort, workerData } from "node:worker_threads";
import { type RingHandles, RingReader } from "@anneal/data";
import { createTraining } from "./engine.ts";

/** The engine in a thread of its own, as in a trainer: trains on all that a ring will give. */
const train = createTraining((workerData as { readonly numRecords: number }).numRecords);
const port = parentPort!;
port.on("message", (ring: RingHandles) => {
  const reader = new RingReader(ring);
  let numRecords = 0;
  for (let item = reader.next(); item !== null; item = reader.next()) {
    train(item);
    numRecords += item.numSamples;
    reader.release(item.index);
  }
  port.postMessage(numRecords);
});
port.postMessage("ready");
