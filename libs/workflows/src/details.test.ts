import { type Ledger, noProgress, type RunState, type SegmentResult } from "@anneal/contracts";
import { describe, expect, it } from "vitest";
import { describeRun } from "./details.ts";

const checkpoint = { step: 20, epoch: 2, path: "/runs/r/checkpoints/step-20", digest: "ab".repeat(32) };
const last = {
  step: 20,
  epoch: 2,
  metrics: { loss: 0.123456 },
  checkpoint,
  best: { metric: "loss", value: 0.1, step: 10 },
  exact: true,
  skipped: [],
} as unknown as SegmentResult;
const state = {
  status: "training",
  plan: { totalSteps: 30, epochs: 3 },
  progress: null,
  last,
  evaluation: null,
  recentFailures: [],
  numFailedAttempts: 0,
} as unknown as RunState;

describe("describeRun", () => {
  it("says where the run is, how good it is, and where its checkpoint lies", () => {
    expect(describeRun(state, "mnist").split("\n")).toEqual([
      "**mnist** is **training**",
      "",
      "- step 20 of 30, epoch 2/3",
      "- loss 0.1235",
      "- best loss 0.1 at step 10",
      "- last checkpoint: step 20, `abababababab`, `/runs/r/checkpoints/step-20`",
    ]);
  });

  it("says in one line what steps really ran in, and warns where that is not what was asked for", () => {
    const ledger: Ledger = {
      step: 19,
      precision: "bfloat16",
      ranIn: "bfloat16",
      productShare: 1,
      timeShares: {},
      stepMilliseconds: 12.345,
      tensors: [],
      kernels: [],
      memory: { runtimeBytes: 4e8, tensorBytes: 9e7, measuredBytes: 5e8, difference: 0.02, peakBytes: 6e8 },
      shadowLosses: [{ step: 0, loss: 1, float32Loss: 1.002, relativeDifference: 0.002 }],
    };
    expect(describeRun({ ...state, last: { ...last, ledger } }, "mnist")).toContain(
      "- bfloat16: 100 % of the time of products and convolutions, 12.35 ms a step, 500 MB, loss within 0.2 % of float32's\n",
    );
    const other: Ledger = { ...ledger, ranIn: "float32", productShare: 0, memory: null, shadowLosses: [] };
    expect(describeRun({ ...state, last: { ...last, ledger: other } }, "mnist")).toContain(
      "- **warning**: asked for bfloat16, ran in float32: 0 % of the time of products and convolutions was in bfloat16, 12.35 ms a step\n",
    );
  });

  it("says how many samples were bad, and where", () => {
    const data = { numReplaced: 3, numLeftOut: 0, badPlaces: ["rows.csv:7"], feed: null };
    expect(describeRun({ ...state, last: { ...last, data } }, "mnist")).toContain(
      "- data: 3 bad samples replaced by others: rows.csv:7\n",
    );
  });

  it("says how far the run is behind its topic, what it waits for, and on which window it was evaluated", () => {
    const topic = { topic: "clicks", lag: 12_345, waitsFor: "no broker answers" };
    const data = { numReplaced: 0, numLeftOut: 0, badPlaces: [], feed: null, topic };
    const measured = { numSamples: 500, metrics: { loss: 0.5 }, checkpoint, skipped: [] };
    const evaluation = { ...measured, split: "train" as const, window: 3 };
    const lines = describeRun({ ...state, last: { ...last, data }, evaluation }, "clicks").split("\n");
    expect(lines).toContain("- data: topic clicks: 12,345 records behind its end");
    expect(lines).toContain("- data: waits: no broker answers");
    expect(lines).toContain("- window 4, before it was trained (500 samples): loss 0.5");
  });

  it("says how the run uses memory, and every move on the ladder", () => {
    const rung = { prefetchBatches: 8, microBatches: 2, recomputeSegments: 1 };
    const moves = [{ step: 10, rung: { ...rung, microBatches: 4, prefetchBatches: 2 }, why: "out of memory" }];
    const decision = { rung, why: "fits 1 GiB", budgetBytes: 2 ** 30, predictedPeakBytes: 2 ** 29, batchBytes: 64 };
    const plan = { ...state.plan!, memory: decision };
    const lines = describeRun({ ...state, plan, last: { ...last, rungMoves: moves } }, "mnist").split("\n");
    expect(lines).toContain("- memory: micro-batches 2 (fits 1 GiB)");
    expect(lines).toContain("- from step 11: micro-batches 4, 2 batches ahead (out of memory)");
  });

  it("prefers live progress where it is ahead, and the result where it is not", () => {
    const progress = {
      ...noProgress,
      step: 25,
      epoch: 3,
      metrics: { loss: 0.09 },
      samplesPerSecond: 100,
      secondsLeft: 4.2,
    };
    const ahead = describeRun({ ...state, progress }, "mnist");
    expect(ahead).toContain("step 25 of 30, epoch 3/3");
    expect(ahead).toContain("100 samples/s, 5 s left");
    expect(describeRun({ ...state, progress: { ...progress, step: 20 } }, "mnist")).toContain("loss 0.1235");
  });

  it("names what was passed over, what is inexact, and what failed with its remedy", () => {
    const text = describeRun(
      {
        ...state,
        last: {
          ...last,
          exact: false,
          skipped: [{ path: "/c/step-19", code: "CHECKPOINT_CORRUPT", reason: "cut off" }],
        },
        numFailedAttempts: 7,
        recentFailures: [
          {
            attempt: 9,
            activity: "trainSegment",
            step: 3,
            error: { code: "DISK_FULL", message: "No room.", remedy: "Make room.", facts: {} },
          },
        ],
      },
      "mnist",
    );
    expect(text).toContain("**CHECKPOINT_CORRUPT**, passed over: `/c/step-19` (cut off)");
    expect(text).toContain("**inexact**");
    expect(text).toContain("7 failed attempt(s)");
    expect(text).toContain("- attempt 9, trainSegment: **DISK_FULL** No room. _Make room._");
  });
});
