import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { killTree, seededRandom } from "@anneal/testing";
import { afterEach, describe, expect, it } from "vitest";
import { checkpointFaultPoints, diskError, interceptFaultPoints } from "./faults.ts";
import { openCheckpointStore } from "./store.ts";
import { makeContents } from "./test-support/contents.ts";
import { runCommitter } from "./test-support/run-committer.ts";
import { stepsOf, type TempRun, tempRunWith } from "./test-support/temp-run.ts";

let restore = (): void => {};
afterEach(() => restore());

/** The step that a resume finds after a kill at this point of attempt 2's commit of step 3. */
function stepAfter(point: string): number {
  const isVisible = ["commit-renamed", "commit-synced"].includes(point) || point.startsWith("retain-");
  return isVisible ? 3 : 2;
}

/** Every checkpoint in the listing verifies, nothing was skipped, and a new attempt can go on. */
async function expectSound(run: TempRun, expectedStep: number): Promise<void> {
  const store = openCheckpointStore(run.directory);
  expect(await store.loadLatest()).toMatchObject({ checkpoint: { step: expectedStep }, skipped: [] });
  const entries = await store.list();
  expect(readdirSync(join(run.directory, "checkpoints"))).toHaveLength(entries.length);
  for (const { path } of entries) await store.load(path);
  await store.acquire(9);
  await store.commit(9, makeContents({ step: expectedStep + 1 }));
  expect((await store.loadLatest())?.checkpoint.step).toBe(expectedStep + 1);
  await store.retain(9, { keepLast: 1, keepBest: 0 });
  expect(await stepsOf(store)).toEqual([expectedStep + 1]);
  // Neither staged files nor half-deleted checkpoints of the killed attempt are left.
  expect(readdirSync(join(run.directory, "staging"))).toEqual(["attempt-9"]);
  expect(readdirSync(join(run.directory, "staging", "attempt-9"))).toEqual([]);
}

describe("kill -9", () => {
  it.each(checkpointFaultPoints)("at %s leaves the old checkpoint or the new one, complete", async (point) => {
    using run = await tempRunWith({ step: 1 }, { step: 2 });
    const env = { ANNEAL_FAULT: `${point}:kill` };
    const killed = await runCommitter({
      runDirectory: run.directory,
      attempt: 2,
      firstStep: 3,
      lastStep: 3,
      keepLast: 1,
      env,
    });
    expect(killed).toEqual({ signal: "SIGKILL", report: null });
    await expectSound(run, stepAfter(point));
  });

  it("at random moments, again and again, never costs a committed step", async () => {
    using run = await tempRunWith({ step: 1 });
    const random = seededRandom(7);
    let latestStep = 1;
    for (let attempt = 2; attempt < 8; attempt++) {
      const script = join(import.meta.dirname, "test-support", "committer.ts");
      const args = [script, run.directory, String(attempt), String(latestStep), "100000", "2"];
      const child = spawn(process.execPath, args, { stdio: "ignore" });
      // Node itself takes a while to start: the clock runs from the first sign of life, the attempt's directory.
      while (!readdirSync(join(run.directory, "staging")).includes(`attempt-${attempt}`)) await sleep(5);
      await sleep(random.int(0, 150));
      const exited = once(child, "exit");
      killTree(child.pid ?? 0);
      await exited;
      const latest = await openCheckpointStore(run.directory).loadLatest();
      expect(latest?.skipped).toEqual([]);
      expect(latest?.checkpoint.step).toBeGreaterThanOrEqual(latestStep);
      latestStep = latest?.checkpoint.step ?? 0;
    }
    await expectSound(run, latestStep);
  });

  it("strikes once among processes that share a directory of fired faults", async () => {
    using run = await tempRunWith({ step: 1 });
    const onceDirectory = mkdtempSync(join(tmpdir(), "anneal-fault-once-"));
    const env = { ANNEAL_FAULT: "commit-model-written@2:kill", ANNEAL_FAULT_ONCE_DIR: onceDirectory };
    const options = { runDirectory: run.directory, firstStep: 2, lastStep: 4, env };
    expect(await runCommitter({ ...options, attempt: 2 })).toEqual({ signal: "SIGKILL", report: null });
    expect(await stepsOf(run.store)).toEqual([2, 1]);
    expect(await runCommitter({ ...options, attempt: 3 })).toEqual({
      signal: null,
      report: { steps: [2, 3, 4], code: null },
    });
    rmSync(onceDirectory, { recursive: true });
  });
});

describe("a full disk", () => {
  it.each(checkpointFaultPoints.filter((point) => point.startsWith("commit-")))(
    "at %s is DISK_FULL and costs nothing that was committed",
    async (point) => {
      using run = await tempRunWith({ step: 1 }, { step: 2 });
      restore = interceptFaultPoints((name) => {
        if (name === point) throw diskError("ENOSPC");
      });
      await expect(run.store.commit(1, makeContents({ step: 3 }))).rejects.toMatchObject({
        code: "DISK_FULL",
        remedy: expect.stringContaining("ANNEAL_HOME"),
        facts: { errno: "ENOSPC" },
      });
      restore();
      expect(readdirSync(join(run.directory, "staging", "attempt-1"))).toEqual([]);
      await expectSound(run, stepAfter(point));
    },
  );

  it("of the kernel's own making, in the middle of a file, is DISK_FULL too", async () => {
    using run = await tempRunWith({ step: 1 }, { step: 2 });
    const result = await runCommitter({
      runDirectory: run.directory,
      attempt: 2,
      firstStep: 3,
      lastStep: 3,
      fileLimitKib: 64,
    });
    expect(result).toEqual({ signal: null, report: { steps: [], code: "DISK_FULL" } });
    await expectSound(run, 2);
  });

  it("is told apart from a broken one", async () => {
    using run = await tempRunWith({ step: 1 });
    restore = interceptFaultPoints((name) => {
      if (name === "commit-model-half-written") throw diskError("EIO");
    });
    await expect(run.store.commit(1, makeContents({ step: 2 }))).rejects.toMatchObject({ code: "DISK_FAILED" });
    restore();
    await expectSound(run, 1);
  });
});
