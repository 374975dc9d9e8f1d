/** Reads the samples it is asked for, of a source whose handles came through a channel. */
import { parentPort } from "node:worker_threads";
import { type Readable, readSamples } from "./read-samples.ts";

export interface ReadingTask {
  readonly source: Readable;
  readonly indices: readonly number[];
}

parentPort!.once("message", async ({ source, indices }: ReadingTask) => {
  parentPort!.postMessage(await readSamples(source, indices));
});
