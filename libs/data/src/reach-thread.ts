import { workerData } from "node:worker_threads";
import { type ErrorRecord, toAnnealError } from "@anneal/contracts";
import { type ChainHandles, openChain } from "./chain.ts";
import { tryFunctions } from "./inline.ts";

export interface ReachThreadData {
  readonly chain: ChainHandles;
  /** One number: 1 while a function is tried. */
  readonly working: Int32Array;
}

/** The one task: tries functions that were written in the recipe; the failure of one, or null. */
export default async function reach(): Promise<ErrorRecord | null> {
  const { chain: handles, working } = workerData as ReachThreadData;
  try {
    const chain = await openChain(handles);
    Atomics.store(working, 0, 1);
    tryFunctions(chain, handles.transforms);
    return null;
  } catch (cause) {
    return toAnnealError(cause).toRecord();
  } finally {
    Atomics.store(working, 0, 0);
  }
}
