/**
 * A child process that commits real checkpoints, for tests that kill it or take its run away:
 * `node committer.ts <run directory> <attempt> <first step> <last step> [keepLast]`. Prints one JSON document: the
 * steps it committed, and the code of the error that ended it.
 */
import { AnnealError, toAnnealError } from "@anneal/contracts";
import { openCheckpointStore } from "../store.ts";
import { makeContents } from "./contents.ts";

const [runDirectory = "", attempt, firstStep, lastStep, keepLast] = process.argv.slice(2);
const token = Number(attempt);
const steps: number[] = [];
let code: string | null = null;
try {
  const store = openCheckpointStore(runDirectory);
  await store.acquire(token);
  for (let step = Number(firstStep); step <= Number(lastStep); step++) {
    await store.commit(token, makeContents({ step, numParameters: 40_000 }));
    steps.push(step);
    if (keepLast !== undefined) await store.retain(token, { keepLast: Number(keepLast), keepBest: 0 });
  }
} catch (error) {
  code = toAnnealError(error).code;
  if (!(error instanceof AnnealError)) process.stderr.write(`${String(error)}\n`);
}
process.stdout.write(JSON.stringify({ steps, code }));
