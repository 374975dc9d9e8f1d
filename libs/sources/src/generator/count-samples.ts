import { Worker } from "node:worker_threads";
import { fromRecord } from "@anneal/contracts";
import { defaultSampleTimeoutMs, type SourceContext } from "../source.ts";
import { createAsked } from "./asked.ts";
import type { CountMessage, CountThreadData } from "./count-thread.ts";
import type { GeneratorDeclaration } from "./declaration.ts";
import { GeneratorWatch } from "./generator-watch.ts";

/**
 * Loads a generator in a thread of its own, where what it may do (never to end, to end the process) does no harm, and gives the number of its
 * samples: the declared one, else what it gives in the first epoch. Throws `SOURCE_FAILED`, and the signal's reason.
 */
export async function countSamples(declaration: GeneratorDeclaration, context: SourceContext): Promise<number> {
  const { signal, sampleTimeoutMs = defaultSampleTimeoutMs, onWaiting } = context;
  signal?.throwIfAborted();
  const asked = createAsked();
  const workerData: CountThreadData = { declaration, asked };
  const worker = new Worker(new URL("./count-thread.ts", import.meta.url), { workerData });
  const watch = new GeneratorWatch(declaration, asked, { sampleTimeoutMs, onWaiting });
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  worker.on("message", (message: CountMessage) => {
    if ("failure" in message) reject(fromRecord(message.failure));
    else resolve(message.numSamples);
  });
  worker.on("error", (cause) => reject(watch.threw(cause)));
  // After a message it changes nothing.
  worker.on("exit", (exitCode) => reject(watch.exited(exitCode)));
  const onAbort = () => reject(signal?.reason);
  signal?.addEventListener("abort", onAbort);
  const looking = setInterval(() => {
    const failure = watch.look();
    if (failure !== null) reject(failure);
  }, GeneratorWatch.intervalOf({ sampleTimeoutMs }));
  try {
    return await promise;
  } finally {
    clearInterval(looking);
    signal?.removeEventListener("abort", onAbort);
    await worker.terminate();
  }
}
