import { parentPort, workerData } from "node:worker_threads";
import { type ErrorRecord, toAnnealError } from "@anneal/contracts";
import type { Asked } from "./asked.ts";
import type { GeneratorDeclaration } from "./declaration.ts";
import { loadGenerator, samplesOf } from "./stream.ts";

/** What the thread that tries a generator is started with. */
export interface CountThreadData {
  readonly declaration: GeneratorDeclaration;
  readonly asked: Asked;
}

export type CountMessage = { readonly numSamples: number } | { readonly failure: ErrorRecord };

/** Loads the generator, and counts what it gives unless that is declared. */
async function count({ declaration, asked }: CountThreadData): Promise<number> {
  if (declaration.numSamples !== null) {
    await loadGenerator(declaration.module, declaration.exportName);
    return declaration.numSamples;
  }
  let numSamples = 0;
  for await (const _ of samplesOf(declaration, { epoch: 0, start: 0, seed: 0 }, asked)) numSamples += 1;
  return numSamples;
}

const message: CountMessage = await count(workerData as CountThreadData).then(
  (numSamples) => ({ numSamples }),
  (cause) => ({ failure: toAnnealError(cause).toRecord() }),
);
parentPort!.postMessage(message);
