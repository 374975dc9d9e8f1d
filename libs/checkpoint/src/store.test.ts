import { execFileSync } from "node:child_process";
import { readdirSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { manifestSchema } from "@anneal/contracts";
import { describe, expect, it } from "vitest";
import { stateDigestOf } from "./digest.ts";
import { openCheckpointStore } from "./store.ts";
import { byName } from "./test-support/arbitrary-tensors.ts";
import { makeContents } from "./test-support/contents.ts";
import { stepsOf, tempRun, tempRunWith } from "./test-support/temp-run.ts";

describe("checkpoint store", () => {
  it("gives back what was committed: tensors bit for bit, and the manifest", async () => {
    using run = tempRun();
    await run.store.acquire(1);
    const contents = makeContents({ step: 469, value: 0.98 });
    const committed = await run.store.commit(1, contents);
    const latest = await openCheckpointStore(run.directory).loadLatest();
    expect(latest?.skipped).toEqual([]);
    expect(latest?.checkpoint).toMatchObject({ step: 469, epoch: 46, path: committed.path, digest: committed.digest });
    expect(byName(latest?.checkpoint.model ?? [])).toEqual(byName(contents.model));
    expect(byName(latest?.checkpoint.optimizer ?? [])).toEqual(byName(contents.optimizer));
    expect(latest?.checkpoint.manifest).toMatchObject({ ...contents.draft, attempt: 1, version: 1 });
    expect(manifestSchema.safeParse(latest?.checkpoint.manifest).success).toBe(true);
    expect(committed.digest).toBe(stateDigestOf({ ...contents, state: contents.draft.state }));
    expect(committed.stats).toMatchObject({ written: true, numBytes: expect.any(Number) });
  });

  it("writes a directory that sha256sum itself can check", async () => {
    using run = await tempRunWith({ step: 1 });
    const [entry] = await run.store.list();
    const options = { cwd: entry?.path ?? "", encoding: "utf8" } as const;
    expect(execFileSync("bash", ["-c", "sha256sum -c manifest.sha256"], options)).toContain("manifest.json: OK");
    expect(readdirSync(options.cwd).sort()).toEqual([
      "manifest.json",
      "manifest.sha256",
      "model.safetensors",
      "optimizer.safetensors",
    ]);
  });

  it("lists the newest first and leaves nothing staged", async () => {
    using run = await tempRunWith({ step: 0 }, { step: 20 }, { step: 3 });
    expect(await stepsOf(run.store)).toEqual([20, 3, 0]);
    expect(readdirSync(join(run.directory, "staging", "attempt-1"))).toEqual([]);
  });

  it("has nothing to load before the first commit", async () => {
    using run = tempRun();
    expect(await run.store.list()).toEqual([]);
    expect(await run.store.loadLatest()).toBeNull();
    expect(await run.store.usage()).toBe(0);
    await expect(run.store.load(join(run.directory, "checkpoints", "step-000000001-00000000"))).rejects.toMatchObject({
      code: "CHECKPOINT_NOT_FOUND",
    });
  });

  it("does not write the same state twice", async () => {
    using run = await tempRunWith({ step: 5 });
    const [first] = await run.store.list();
    await run.store.acquire(2);
    const again = await run.store.commit(2, makeContents({ step: 5 }));
    expect(again).toMatchObject({ path: first?.path, digest: first?.digest, stats: { written: false } });
    expect((await run.store.list()).map(({ manifest }) => manifest.attempt)).toEqual([1]);
    expect(readdirSync(join(run.directory, "staging", "attempt-2"))).toEqual([]);
  });

  it("replaces another lineage's checkpoint of the same step", async () => {
    using run = await tempRunWith({ step: 4 }, { step: 5 });
    await run.store.acquire(2);
    const other = await run.store.commit(2, makeContents({ step: 5, lineage: 1 }));
    expect((await run.store.list()).map(({ path }) => path)).toEqual([
      other.path,
      expect.stringContaining("step-000000004"),
    ]);
    expect(basename(other.path)).toBe(`step-000000005-${other.digest.slice(0, 8)}`);
  });

  it("orders two lineages of a step, as a crash between commit and clean-up leaves them, by attempt", async () => {
    using run = await tempRunWith({ step: 5 });
    using elsewhere = await tempRunWith();
    await elsewhere.store.acquire(2);
    const other = await elsewhere.store.commit(2, makeContents({ step: 5, lineage: 1 }));
    execFileSync("cp", ["-r", other.path, join(run.directory, "checkpoints")]);
    expect((await run.store.list()).map(({ manifest }) => manifest.attempt)).toEqual([2, 1]);
    expect((await run.store.loadLatest())?.checkpoint.digest).toBe(other.digest);
  });

  it("refuses a state that JSON cannot hold, and keeps what it has", async () => {
    using run = await tempRunWith({ step: 1 });
    const contents = makeContents({ step: 2 });
    contents.draft.state.accumulator.sums.loss = Number.NaN;
    await expect(run.store.commit(1, contents)).rejects.toThrow(/NaN|state/);
    expect(await stepsOf(run.store)).toEqual([1]);
    expect(readdirSync(join(run.directory, "staging", "attempt-1"))).toEqual([]);
  });

  it("lets the event loop turn while it writes and reads", async () => {
    using run = tempRun();
    await run.store.acquire(1);
    let numTurns = 0;
    const turn = (): NodeJS.Immediate => {
      numTurns += 1;
      return setImmediate(turn);
    };
    const first = turn();
    // 3 x 4 MB: a dozen chunks, and at least a turn for each.
    await run.store.commit(1, makeContents({ step: 1, numParameters: 1 << 20 }));
    const numTurnsWriting = numTurns;
    await run.store.loadLatest();
    clearImmediate(first);
    expect(numTurnsWriting).toBeGreaterThan(12);
    expect(numTurns - numTurnsWriting).toBeGreaterThan(12);
  });

  it("runs commits one after the other", async () => {
    using run = await tempRunWith();
    const steps = [1, 2, 2, 3];
    await Promise.all(steps.map((step) => run.store.commit(1, makeContents({ step }))));
    expect(await stepsOf(run.store)).toEqual([3, 2, 1]);
  });

  it("counts the bytes of the run's directory and removes it whole", async () => {
    using run = await tempRunWith({ step: 1 });
    const [entry] = await run.store.list();
    const tensorBytes = entry?.manifest.files.reduce((sum, { numBytes }) => sum + numBytes, 0) ?? 0;
    expect(await run.store.usage()).toBeGreaterThan(tensorBytes);
    writeFileSync(join(run.directory, "metrics.jsonl"), "x".repeat(1_000));
    expect(await run.store.usage()).toBeGreaterThan(tensorBytes + 1_000);
    // What a removal left that was killed half way.
    await mkdir(join(dirname(run.directory), ".removed-another-run-00000000"));
    await run.store.removeAll();
    expect(readdirSync(dirname(run.directory))).toEqual([]);
    await run.store.removeAll();
    await expect(run.store.commit(1, makeContents({ step: 2 }))).rejects.toMatchObject({ code: "FENCED" });
  });
});
