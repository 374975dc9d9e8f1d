import { join } from "node:path";
import { tempAnnealHome } from "@anneal/testing";
import { type CheckpointStore, openCheckpointStore } from "../store.ts";
import { type ContentsOptions, makeContents } from "./contents.ts";

export interface TempRun extends Disposable {
  readonly home: string;
  readonly directory: string;
  readonly store: CheckpointStore;
}

/** A run's directory of its own, with an open store. */
export function tempRun(): TempRun {
  const home = tempAnnealHome();
  const directory = join(home.path, "runs", "a-run");
  return {
    home: home.path,
    directory,
    store: openCheckpointStore(directory),
    [Symbol.dispose]: () => home[Symbol.dispose](),
  };
}

/** A run with checkpoints of these steps, committed by attempt 1. */
export async function tempRunWith(...checkpoints: readonly ContentsOptions[]): Promise<TempRun> {
  const run = tempRun();
  await run.store.acquire(1);
  for (const options of checkpoints) await run.store.commit(1, makeContents(options));
  return run;
}

/** Steps in the listing, newest first. */
export async function stepsOf(store: CheckpointStore): Promise<readonly number[]> {
  return (await store.list()).map(({ step }) => step);
}
