import { Writable } from "node:stream";
import type { PrecisionDecision, Progress } from "@anneal/contracts";
import { expect, test } from "vitest";
import type { RunView } from "../runs/view.ts";
import { formatBar, formatProgress } from "./bar.ts";
import { plainDisplay } from "./progress-display.ts";
import { formatRun } from "./run.ts";
import { formatFacts, formatTable } from "./table.ts";
import { formatBytes, formatDuration, formatMetric } from "./values.ts";

const run: RunView = {
  runId: "a",
  recipe: "mnist",
  status: "training",
  step: 13,
  totalSteps: 26,
  epoch: 1,
  epochs: 2,
  metrics: {},
  best: null,
  checkpoint: null,
  evaluation: null,
  exports: null,
  ledger: null,
  data: null,
  memory: null,
  precision: null,
  samplesPerSecond: null,
  secondsLeft: null,
  stoppedEarly: false,
  exact: true,
  numFailedAttempts: 0,
  recentFailures: [],
  skipped: [],
  note: null,
  error: null,
  startedAt: null,
  endedAt: null,
  uiUrl: null,
};

const progress: Progress = {
  phase: "training",
  step: 469,
  totalSteps: 1407,
  epoch: 2,
  epochs: 3,
  metrics: { loss: 0.123456, accuracy: 0.9712 },
  samplesPerSecond: 3214.4,
  secondsLeft: 42.4,
  checkpoint: null,
  best: null,
  engineWaitShare: null,
  trainerPid: null,
  workerPid: null,
  note: null,
};

test("bad samples and how batches are prepared are told where there is something to tell", () => {
  const feed = {
    numThreads: 2,
    partSize: 16,
    batchesAhead: 9,
    numChanges: 1,
    why: "the step waited 40 % of the time",
    busyShare: 0.93,
    numThreadDeaths: 0,
  };
  const data = { numReplaced: 7, numLeftOut: 2, badPlaces: ["a.jpg", "b.jpg", "c.jpg"], feed };
  expect(formatRun({ ...run, data })).toMatch(/data +7 bad samples replaced by others, 2 left out: a.jpg; b.jpg; …\n/);
  expect(formatRun({ ...run, data })).toContain(
    "prepared by 2 threads (93 % busy), 16 samples at a time, 9 batches ahead: the step waited 40 % of the time",
  );
  const calm = { numReplaced: 0, numLeftOut: 0, badPlaces: [], feed: { ...feed, numChanges: 0, why: null } };
  expect(formatRun({ ...run, data: calm })).toBe(formatRun(run));
});

test("the format of a run is named where it was chosen, or is not what was asked for", () => {
  const shown = (decision: Omit<PrecisionDecision, "precision" | "candidates">) =>
    formatRun({ ...run, precision: { precision: "bfloat16", candidates: [], ...decision } });
  expect(shown({ isAskedFor: true, why: "asked for" })).not.toContain("bfloat16");
  expect(shown({ isAskedFor: true, why: "asked for", caveat: "slow here" })).toContain(
    "bfloat16: asked for; slow here",
  );
  expect(shown({ isAskedFor: false, why: "fastest with losses within 2 %" })).toContain(
    "bfloat16: fastest with losses",
  );
});

test("a line of progress has everything where there is room", () => {
  expect(formatProgress("run", progress, 200, "images")).toBe(
    "run  ━━━━━━━━────────────────  33 %  step   469/1,407  epoch 2/3  loss 0.1235  accuracy 0.9712  3,214 images/s  0:42 left",
  );
});

test("it never is longer than the terminal is wide, and keeps the step longest", () => {
  for (let numColumns = 1; numColumns < 140; numColumns += 1) {
    const line = formatProgress("run", progress, numColumns);
    expect(line.length).toBeLessThanOrEqual(numColumns);
    if (numColumns > 45) expect(line).toContain("469/1,407");
  }
});

test("a run that waits says for what", () => {
  const queued: Progress = { ...progress, phase: "queued", note: "waits for a free trainer (next in line)" };
  expect(formatProgress("run", queued, 80)).toBe("run  queued: waits for a free trainer (next in line)");
  expect(formatProgress("run", { ...progress, phase: "starting", totalSteps: 0 }, 80)).toBe("run  starting…");
});

test("without a terminal, a line is written when it says something new", () => {
  const lines: string[] = [];
  const stream = new Writable({ write: (chunk, _encoding, done) => done(void lines.push(String(chunk))) });
  const display = plainDisplay("run", "samples", stream, 0);
  const queued: Progress = { ...progress, phase: "queued", note: "next in line" };
  for (let look = 0; look < 5; look += 1) display.update(queued);
  display.update({ ...queued, note: "2 ahead in line" });
  display.update(progress);
  display.update(progress);
  display.end();
  expect(lines).toEqual([
    "run  queued: next in line\n",
    "run  queued: 2 ahead in line\n",
    expect.stringContaining("step   469/1,407"),
  ]);
});

test("a bar is full at the end and only then", () => {
  expect(formatBar(0, 4)).toBe("────   0 %");
  expect(formatBar(0.5, 4)).toBe("━━──  50 %");
  expect(formatBar(0.999, 4)).toBe("━━━━  99 %");
  expect(formatBar(1.5, 4)).toBe("━━━━ 100 %");
});

test("columns of a table are as wide as their widest cell, numbers to the right", () => {
  expect(
    formatTable(
      ["run", "step"],
      [
        ["a", "5"],
        ["long", "1,407"],
      ],
    ).split("\n"),
  ).toEqual(["run    step", "────  ─────", "a         5", "long  1,407"]);
});

test("a run says which checkpoints were passed over, and why", () => {
  const path = "/runs/a/checkpoints/step-000000013";
  const skipped = [{ path, code: "CHECKPOINT_CORRUPT", reason: "model.safetensors is too short." }];
  const text = formatRun({ ...run, skipped });
  expect(text).toContain("1 damaged, passed over");
  expect(text).toContain(`skipped ${path}: CHECKPOINT_CORRUPT: model.safetensors is too short.`);
  expect(formatRun(run)).not.toContain("skipped");
});

test("a run that was stopped early says so", () => {
  expect(formatRun({ ...run, status: "completed", stoppedEarly: true })).toContain("completed (stopped early");
  expect(formatRun(run)).not.toContain("stopped early");
});

test("facts without a value are left out", () => {
  expect(
    formatFacts([
      ["a", "1"],
      ["none", null],
      ["long", "2"],
    ]),
  ).toBe("a     1\nlong  2");
});

test("values are short and say their unit", () => {
  expect([0.123456, 98.7654, 1e-7, Number.NaN].map(formatMetric)).toEqual(["0.1235", "98.77", "1e-7", "NaN"]);
  expect([0, 59_400, 61_000, 3_723_000].map(formatDuration)).toEqual(["0:00", "0:59", "1:01", "1:02:03"]);
  expect([999, 1_000, 3_456_789].map(formatBytes)).toEqual(["999 B", "1.0 kB", "3.5 MB"]);
});
