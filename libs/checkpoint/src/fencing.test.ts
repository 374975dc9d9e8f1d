import { mkdirSync, readdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { seededRandom, waitFor } from "@anneal/testing";
import { afterEach, describe, expect, it } from "vitest";
import { checkpointFaultPoints, interceptFaultPoints } from "./faults.ts";
import { openCheckpointStore } from "./store.ts";
import { makeContents } from "./test-support/contents.ts";
import { runCommitter } from "./test-support/run-committer.ts";
import { stepsOf, tempRun, tempRunWith } from "./test-support/temp-run.ts";

let restore = (): void => {};
afterEach(() => restore());

/** Runs `action` the first time that a fault point is reached, and makes who reached it wait for it. */
function interrupt(point: string, action: () => Promise<unknown> | unknown): void {
  let isDone = false;
  restore = interceptFaultPoints(async (name) => {
    if (name !== point || isDone) return;
    isDone = true;
    await action();
  });
}

const commitPoints = checkpointFaultPoints.filter((point) => point.startsWith("commit-"));
const acquirePoints = checkpointFaultPoints.filter((point) => point.startsWith("acquire-"));
const afterRename = ["commit-renamed", "commit-synced"];

describe("fencing", () => {
  it.each(commitPoints.filter((point) => !afterRename.includes(point)))(
    "refuses the commit of an attempt that lost the run at %s",
    async (point) => {
      using run = await tempRunWith({ step: 1 });
      interrupt(point, () => openCheckpointStore(run.directory).acquire(2));
      await expect(run.store.commit(1, makeContents({ step: 2 }))).rejects.toMatchObject({ code: "FENCED" });
      expect(await stepsOf(run.store)).toEqual([1]);
      expect(readdirSync(join(run.directory, "staging"))).toEqual(["attempt-2"]);
      await expect(run.store.commit(1, makeContents({ step: 3 }))).rejects.toMatchObject({ code: "FENCED" });
    },
  );

  it.each(commitPoints.filter((point) => !afterRename.includes(point)))(
    "refuses it just as well while the files it lost at %s are still there",
    async (point) => {
      using run = await tempRunWith({ step: 1 });
      const staging = join(run.directory, "staging");
      // As an acquirer does it that is killed before it sweeps: the stale one goes on in open files.
      interrupt(point, () => {
        mkdirSync(join(staging, "attempt-2"));
        renameSync(join(staging, "attempt-1"), join(staging, "fenced-attempt-1-00000000"));
      });
      await expect(run.store.commit(1, makeContents({ step: 2 }))).rejects.toMatchObject({ code: "FENCED" });
      expect(await stepsOf(run.store)).toEqual([1]);
      await run.store.acquire(3);
      expect(readdirSync(staging)).toEqual(["attempt-3"]);
    },
  );

  it.each(afterRename)("lets a commit stand that was visible before the run was lost, at %s", async (point) => {
    using run = await tempRunWith({ step: 1 });
    const newer = openCheckpointStore(run.directory);
    interrupt(point, () => newer.acquire(2));
    await run.store.commit(1, makeContents({ step: 2 }));
    expect((await newer.loadLatest())?.checkpoint.step).toBe(2);
  });

  it("refuses a stale attempt's commit of a state that is there already", async () => {
    using run = await tempRunWith({ step: 1 });
    interrupt("commit-before-rename", () => openCheckpointStore(run.directory).acquire(2));
    await expect(run.store.commit(1, makeContents({ step: 1 }))).rejects.toMatchObject({ code: "FENCED" });
    expect(await stepsOf(run.store)).toEqual([1]);
  });

  it("keeps a stale attempt from removing what the newer one committed at the same step", async () => {
    using run = await tempRunWith({ step: 1 });
    const newer = openCheckpointStore(run.directory);
    interrupt("commit-synced", async () => {
      await newer.acquire(2);
      await newer.commit(2, makeContents({ step: 2, lineage: 1 }));
    });
    await run.store.commit(1, makeContents({ step: 2 }));
    expect((await newer.list()).map(({ manifest }) => manifest.attempt)).toEqual([2, 1]);
  });

  it("keeps a stale attempt from removing anything by retention", async () => {
    using run = await tempRunWith({ step: 1 }, { step: 2 }, { step: 3 });
    interrupt("retain-started", () => openCheckpointStore(run.directory).acquire(2));
    await expect(run.store.retain(1, { keepLast: 1, keepBest: 0 })).rejects.toMatchObject({ code: "FENCED" });
    expect(await stepsOf(run.store)).toEqual([3, 2, 1]);
  });

  it("refuses tokens that are older, used, or never acquired", async () => {
    using run = await tempRunWith();
    await run.store.acquire(5);
    const other = openCheckpointStore(run.directory);
    // Whoever decides about attempts learns above which token to go on.
    const refusal = { code: "FENCED", facts: { highestAttempt: 5 } };
    await expect(other.acquire(4)).rejects.toMatchObject(refusal);
    await expect(other.acquire(5)).rejects.toMatchObject(refusal);
    await expect(other.commit(6, makeContents({ step: 1 }))).rejects.toMatchObject({ code: "FENCED" });
    expect(await run.store.isCurrent(5)).toBe(true);
    expect(await run.store.isCurrent(4)).toBe(false);
    expect(await run.store.isCurrent(6)).toBe(false);
    // Its own, held already: nothing to do.
    await run.store.acquire(5);
    expect(readdirSync(join(run.directory, "staging"))).toEqual(["attempt-5"]);
  });

  it("compares tokens as numbers, and takes over from an acquirer that was killed half way", async () => {
    using run = tempRun();
    await run.store.acquire(9);
    mkdirSync(join(run.directory, "staging", "attempt-10"));
    expect(await run.store.isCurrent(9)).toBe(false);
    expect(await run.store.isCurrent(10)).toBe(true);
    await openCheckpointStore(run.directory).acquire(11);
    expect(readdirSync(join(run.directory, "staging"))).toEqual(["attempt-11"]);
  });

  it.each(acquirePoints)("lets the higher win that comes when the lower is at %s", async (point) => {
    using run = tempRun();
    const [lower, higher] = [run.store, openCheckpointStore(run.directory)];
    interrupt(point, () => higher.acquire(2));
    await lower.acquire(1).catch((error: unknown) => expect(error).toMatchObject({ code: "FENCED" }));
    await expect(lower.commit(1, makeContents({ step: 1 }))).rejects.toMatchObject({ code: "FENCED" });
    await higher.commit(2, makeContents({ step: 1 }));
    expect(readdirSync(join(run.directory, "staging"))).toEqual(["attempt-2"]);
  });

  it.each(acquirePoints)("lets the higher win when the lower comes while it is at %s", async (point) => {
    using run = tempRun();
    const [lower, higher] = [openCheckpointStore(run.directory), run.store];
    interrupt(point, () => lower.acquire(1).catch((error: unknown) => expect(error).toMatchObject({ code: "FENCED" })));
    await higher.acquire(2);
    await expect(lower.commit(1, makeContents({ step: 1 }))).rejects.toMatchObject({ code: "FENCED" });
    await higher.commit(2, makeContents({ step: 1 }));
    expect(readdirSync(join(run.directory, "staging"))).toEqual(["attempt-2"]);
  });

  it("leaves exactly the highest of four that race, whatever the interleaving", async () => {
    using run = tempRun();
    const random = seededRandom(11);
    restore = interceptFaultPoints(async () => {
      for (let turns = random.int(0, 6); turns > 0; turns--) await new Promise(setImmediate);
    });
    for (let round = 1; round <= 60; round++) {
      const tokens = [0, 1, 2, 3].map((index) => round * 4 + index).sort(() => random.next() - 0.5);
      const highest = round * 4 + 3;
      const outcomes = await Promise.all(
        tokens.map(async (token) => {
          const store = openCheckpointStore(run.directory);
          const acquired = await store.acquire(token).then(
            () => true,
            () => false,
          );
          return { token, acquired, store };
        }),
      );
      expect(outcomes.find(({ token }) => token === highest)?.acquired).toBe(true);
      for (const { token, store } of outcomes) expect(await store.isCurrent(token)).toBe(token === highest);
      expect(readdirSync(join(run.directory, "staging"))).toEqual([`attempt-${highest}`]);
    }
  });

  it("stops another process in the middle of its commits, and nothing of it appears afterwards", async () => {
    using run = await tempRunWith({ step: 0 });
    const stale = runCommitter({ runDirectory: run.directory, attempt: 2, firstStep: 1, lastStep: 100_000 });
    await waitFor(async () => (await stepsOf(run.store)).length > 3, { what: "the other process to commit" });
    await run.store.acquire(3);
    const stepsAtTakeover = await stepsOf(run.store);
    const { report } = await stale;
    expect(report?.code).toBe("FENCED");
    expect(await stepsOf(run.store)).toEqual(stepsAtTakeover);
    // What it was told is committed is there, and the other way round but for the one whose answer was overtaken.
    expect(stepsAtTakeover.filter((step) => step > 0 && !report?.steps.includes(step)).length).toBeLessThanOrEqual(1);
    expect(report?.steps.filter((step) => !stepsAtTakeover.includes(step))).toEqual([]);
  });

  it("lets one of two processes that race for the run go on", async () => {
    using run = await tempRunWith({ step: 0 });
    for (let round = 1; round <= 3; round++) {
      const [low, high] = [round * 2, round * 2 + 1];
      const options = { runDirectory: run.directory, firstStep: round * 10, lastStep: round * 10 + 5 };
      const results = await Promise.all([low, high].map((attempt) => runCommitter({ ...options, attempt })));
      expect(results[1]?.report).toEqual({ steps: [0, 1, 2, 3, 4, 5].map((index) => round * 10 + index), code: null });
      expect(await run.store.isCurrent(high)).toBe(true);
      expect(await run.store.loadLatest()).toMatchObject({ checkpoint: { step: round * 10 + 5 }, skipped: [] });
    }
  });
});
