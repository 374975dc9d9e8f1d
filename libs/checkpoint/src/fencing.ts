import { mkdir, rename, rm, rmdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { AnnealError } from "@anneal/contracts";
import { errnoOf } from "./disk-errors.ts";
import { faultPoint } from "./faults.ts";
import { syncDirectory } from "./files.ts";
import { attemptOfName, discardName, namesIn, type StoreLayout } from "./layout.ts";

/**
 * Fencing by the file system's own atomicity. An attempt owns the run while `staging/attempt-<token>` exists. What it
 * commits or removes, it renames out of or into that directory; a newer attempt renames the directory away, and from
 * then on every rename of the older one fails with ENOENT. Nobody ever re-creates a directory it has lost.
 *
 * Each acquirer makes its directory before it looks for higher ones, so of two at once the lower sees the higher, or
 * was done before the higher came and is then renamed away by it: at most one can commit once `acquire` has returned.
 * The winner's directory stays when its process ends: it is what refuses older tokens later.
 */
export async function acquire(layout: StoreLayout, attempt: number): Promise<void> {
  if (!Number.isSafeInteger(attempt) || attempt < 0) throw new RangeError(`attempt ${attempt} is no token`);
  await mkdir(layout.checkpoints, { recursive: true });
  await mkdir(layout.staging, { recursive: true });
  await syncDirectory(layout.root);
  await syncDirectory(dirname(layout.root));
  await faultPoint("acquire-started");
  try {
    await mkdir(layout.attempt(attempt));
  } catch (error) {
    const code = errnoOf(error);
    if (code === "EEXIST") throw fenced(attempt, "its token was used before", await highestAttempt(layout));
    if (code === "ENOENT") throw fenced(attempt, "the run was removed");
    throw error;
  }
  await faultPoint("acquire-created");
  try {
    await refuseIfOutrun(layout, attempt);
  } catch (error) {
    // It may have been renamed away by then.
    await rmdir(layout.attempt(attempt)).catch(() => {});
    throw error;
  }
  for (const name of await namesIn(layout.staging)) {
    const other = attemptOfName(name);
    if (other !== null && other < attempt) await moveAway(layout, name);
  }
  await faultPoint("acquire-fenced");
  await sweep(layout);
}

/** Whether the attempt still owns the run. True means "a moment ago": what must be safe is decided by the renames. */
export async function isCurrent(layout: StoreLayout, attempt: number): Promise<boolean> {
  return (await highestAttempt(layout)) === attempt;
}

/** `highestAttempt` lets the workflow, which alone decides who is next, go on above every token that was ever used. */
export function fenced(
  attempt: number,
  why = "a newer attempt owns the run",
  highestAttempt: number | null = null,
): AnnealError {
  return new AnnealError(
    "FENCED",
    `Attempt ${attempt} may not write checkpoints: ${why}.`,
    "Nothing to do: the newer attempt goes on with the run.",
    { attempt, highestAttempt },
  );
}

async function refuseIfOutrun(layout: StoreLayout, attempt: number): Promise<void> {
  const highest = await highestAttempt(layout);
  if (highest !== null && highest > attempt) throw fenced(attempt, `attempt ${highest} owns the run`, highest);
}

async function highestAttempt(layout: StoreLayout): Promise<number | null> {
  const attempts = (await namesIn(layout.staging)).map(attemptOfName).filter((attempt) => attempt !== null);
  return attempts.length === 0 ? null : Math.max(...attempts);
}

async function moveAway(layout: StoreLayout, name: string): Promise<void> {
  try {
    await rename(join(layout.staging, name), join(layout.staging, discardName("fenced", name)));
  } catch (error) {
    // A refused acquirer removed it itself, or another winner was quicker.
    if (errnoOf(error) !== "ENOENT") throw error;
  }
}

/** Deletes what fenced attempts left. Whatever resists (a stale process still writes there) goes at the next acquire. */
async function sweep(layout: StoreLayout): Promise<void> {
  for (const name of await namesIn(layout.staging)) {
    if (!/^(fenced|retired)-/.test(name)) continue;
    await rm(join(layout.staging, name), { recursive: true, force: true }).catch(() => {});
  }
}
