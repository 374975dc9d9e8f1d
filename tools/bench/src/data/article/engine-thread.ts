import { parentPort, workerData } from "node:worker_threads";
import { type RingHandles, RingReader } from "@anneal/data";
import type { DataOrder } from "../protocol.ts";
import { Training } from "./training.ts";

/** The engine in a thread of its own, as in a trainer: trains on all that a ring will give, for each ring that it is sent. */
const training = new Training(workerData as DataOrder);
const port = parentPort!;
port.on("message", (ring: RingHandles) => {
  const reader = new RingReader(ring);
  for (let item = reader.next(); item !== null; item = reader.next()) {
    training.train(item);
    reader.release(item.index);
  }
  port.postMessage(training.take());
});
port.postMessage("ready");
