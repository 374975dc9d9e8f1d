import {
  exportSpecSchema,
  type RunSpecInput,
  type RunState,
  runSpecSchema,
  type TrainInput,
  type TrainResult,
  taskQueue,
} from "@anneal/contracts";
import { waitFor } from "@anneal/testing";
import { WorkflowFailedError } from "@temporalio/client";
import { ApplicationFailure, CancelledFailure } from "@temporalio/common";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ScriptedStack } from "./test-support/scripted-stack.ts";
import { Script, scriptedLedger } from "./test-support/scripted-trainer.ts";

let stack: ScriptedStack;

beforeAll(async () => {
  stack = await ScriptedStack.start();
}, 60_000);

afterAll(() => stack?.stop());

async function begin(runId: string, script: Script, spec: Partial<RunSpecInput> = {}) {
  stack.scripts.set(runId, script);
  const input: TrainInput = {
    spec: runSpecSchema.parse({ recipe: { name: "scripted", path: "/scripted.ts" }, ...spec }),
    resume: null,
    firstAttempt: 1,
    carried: null,
  };
  return stack.client.workflow.start<(input: TrainInput) => Promise<TrainResult>>("train", {
    workflowId: runId,
    taskQueue,
    args: [input],
    memo: { recipe: "scripted" },
  });
}

async function failureOf(result: Promise<unknown>): Promise<Error | undefined> {
  const failure = await result.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(failure).toBeInstanceOf(WorkflowFailedError);
  return (failure as WorkflowFailedError).cause;
}

const status = (runId: string) => stack.client.workflow.getHandle(runId).query<RunState>("status");

describe("files that the recipe asks for", () => {
  const exports = (["float32", "int8"] as const).map((precision) => exportSpecSchema.parse({ precision }));

  it("are written one after another once it is trained, past a crash", async () => {
    const script = new Script([], { exports });
    script.exportActs = ["ok", "TRAINER_CRASHED", "ok"];
    const result = await (await begin("exported", script)).result();
    expect(result.exports).toEqual(
      exports.map((spec) => ({
        spec,
        file: expect.objectContaining({ path: `/exports/onnx-${spec.precision}` }),
        metrics: { loss: 0.5 },
        error: null,
      })),
    );
    expect(result.numFailedAttempts).toBe(1);
    expect(script.numSpawned).toBe(2);
    expect(script.numAlive).toBe(0);
  });

  it("leave the run completed where one cannot be made, which is said", async () => {
    const script = new Script([], { exports });
    script.exportActs = ["EXPORT_DISAGREES", "ok"];
    const result = await (await begin("export-fails", script)).result();
    expect(result.exports).toMatchObject([
      { file: null, error: { code: "EXPORT_DISAGREES" } },
      { file: { path: "/exports/onnx-int8" }, error: null },
    ]);
    expect(await status("export-fails")).toMatchObject({ status: "completed" });
  });
});

describe("the train workflow on a real server", () => {
  it("trains by epochs, evaluates, and leaves what the UI shows", async () => {
    const script = new Script();
    const handle = await begin("plain", script);
    const result = await handle.result();
    expect(result).toMatchObject({ step: 12, evaluation: { metrics: { loss: 0.5 } }, numFailedAttempts: 0 });
    expect(result).toMatchObject({ plan: script.plan, modelBytes: 4_000, ledger: scriptedLedger });
    expect(result.usage).toMatchObject({
      numSteps: 12,
      numSamples: 120,
      trainingMs: 60,
      waitedMs: 12,
      peakRssBytes: 2 ** 30,
    });
    expect(script.numSpawned).toBe(1);
    expect(script.numAlive).toBe(0);

    const description = await handle.describe();
    expect(description.searchAttributes).toMatchObject({
      AnnealRecipe: ["scripted"],
      AnnealStatus: ["completed"],
      AnnealStep: [12],
      AnnealBestMetric: [1 / 13],
    });
    expect(await summaries("plain")).toEqual([
      "check and prepare scripted",
      "steps 0-4, epoch 1/3",
      "steps 4-8, epoch 2/3",
      "steps 8-12, epoch 3/3",
      "evaluate step 12",
      "end the trainer",
    ]);
  });

  it("makes every failed attempt an event with its code and remedy, with growing fencing tokens", async () => {
    const script = new Script(["TRAINER_CRASHED", "ok", "OUT_OF_MEMORY", "TRAINER_CRASHED"]);
    const handle = await begin("crashes", script);
    expect(await handle.result()).toMatchObject({ step: 12, numFailedAttempts: 3 });
    expect(script.attempts).toEqual([2, 3, 4, 5, 6, 7]);
    const { events } = await handle.fetchHistory();
    const failures = events?.flatMap((event) => event.activityTaskFailedEventAttributes?.failure ?? []);
    expect(failures?.map((failure) => failure.applicationFailureInfo?.type)).toEqual([
      "TRAINER_CRASHED",
      "OUT_OF_MEMORY",
      "TRAINER_CRASHED",
    ]);
    expect(failures?.[0]?.message).toContain("Read the script.");
  });

  it("fails when a budget is used up, and goes on when it is started again", async () => {
    const script = new Script(["ok", "TRAINER_CRASHED", "TRAINER_CRASHED"]);
    const handle = await begin("exhausted", script, { retries: { crash: 1 } });
    const cause = await failureOf(handle.result());
    expect(cause).toBeInstanceOf(ApplicationFailure);
    expect((cause as ApplicationFailure).type).toBe("TRAINER_CRASHED");
    expect((await handle.describe()).searchAttributes.AnnealStatus).toEqual(["failed"]);
    expect(script.step).toBe(4);

    const again = await begin("exhausted", script);
    expect(await again.result()).toMatchObject({ step: 12 });
  });

  it("never retries bad input", async () => {
    const script = new Script(["LABEL_OUT_OF_RANGE"]);
    const cause = await failureOf((await begin("bad-input", script)).result());
    expect((cause as ApplicationFailure).type).toBe("LABEL_OUT_OF_RANGE");
    expect(script.attempts).toHaveLength(1);
  });

  it("goes on without a batch whose loss is not finite, and says so", async () => {
    const script = new Script(["ok", "LOSS_NOT_FINITE", "ok", "LOSS_NOT_FINITE"]);
    const handle = await begin("not-finite", script);
    expect(await handle.result()).toMatchObject({ step: 12, numFailedAttempts: 2 });
    expect(script.corrections).toEqual({ learningRateScale: 1, skippedSteps: [5, 9], numRecoveries: 2 });
    expect(await summaries("not-finite")).toContain("steps 8-12, epoch 3/3, without the batches of steps 6 10");
  });

  it("fails when the policy's recoveries are used up", async () => {
    const script = new Script(["LOSS_NOT_FINITE", "LOSS_NOT_FINITE"]);
    const policy = { nonFinite: { remedy: "lowerLearningRate", maxRecoveries: 1 } } as const;
    const cause = await failureOf((await begin("hopeless", script, { policy })).result());
    expect((cause as ApplicationFailure).type).toBe("LOSS_NOT_FINITE");
    expect(cause?.message).toContain("all 1 recoveries are used up");
    expect(script.corrections).toMatchObject({ learningRateScale: 0.5 });
  });

  it("climbs the memory ladder, each time in a new trainer, and says why", async () => {
    const script = new Script(["ok", "OUT_OF_MEMORY", "OUT_OF_MEMORY", "pressure", "pressure"]);
    const handle = await begin("short-of-memory", script, { retries: { memory: 0 } });
    const rung = (microBatches: number, recomputeSegments: number) => ({
      prefetchBatches: 2,
      microBatches,
      recomputeSegments,
    });
    const why = "out of memory after step 4: scripted OUT_OF_MEMORY.";
    // Batches of ten are too small for micro-batches to come first.
    const rungMoves = [
      { step: 4, rung: rung(1, 4), why },
      { step: 4, rung: rung(1, 16), why },
      { step: 5, rung: rung(2, 16), why: "scripted pressure" },
      { step: 6, rung: rung(4, 16), why: "scripted pressure" },
    ];
    expect(await handle.result()).toMatchObject({ step: 12, numFailedAttempts: 2, rungMoves });
    expect(script.numSpawned).toBe(5);
    expect(script.mostAlive).toBe(1);
    const words = "micro-batches 4, recomputation in 16 segments, 2 batches ahead";
    expect((await summaries("short-of-memory")).slice(1, -2)).toEqual([
      "steps 0-4, epoch 1/3",
      "steps 4-8, epoch 2/3",
      `steps 4-8, epoch 2/3, recomputation in 4 segments, 2 batches ahead (${why})`,
      `steps 4-8, epoch 2/3, recomputation in 16 segments, 2 batches ahead (${why})`,
      "steps 5-8, epoch 2/3, micro-batches 2, recomputation in 16 segments, 2 batches ahead (scripted pressure)",
      `steps 6-8, epoch 2/3, ${words} (scripted pressure)`,
      `steps 8-12, epoch 3/3, ${words}`,
    ]);
  });

  it("carries a move over to the next execution", async () => {
    const script = new Script(Array.from({ length: 9 }, () => "pressure" as const));
    const handle = await begin("moves-on", script, { segment: { maxHistoryEvents: 50 } });
    await handle.result();
    expect((await handle.describe()).runId).not.toBe(handle.firstExecutionRunId);
    expect(script.rungMoves.map(({ rung }) => [rung.microBatches, rung.recomputeSegments])).toEqual([
      [1, 4],
      [1, 16],
      [2, 16],
      [4, 16],
      [8, 16],
      [10, 16],
      [10, 16],
    ]);
  });

  it("fails for want of memory only when no rung is left, and says so", async () => {
    const script = new Script(["OUT_OF_MEMORY", "OUT_OF_MEMORY", "OUT_OF_MEMORY", "OUT_OF_MEMORY"]);
    const policy = { memory: { microBatches: 2, recomputeSegments: 1 } };
    const cause = await failureOf((await begin("no-rung", script, { policy, retries: { memory: 1 } })).result());
    expect((cause as ApplicationFailure).type).toBe("OUT_OF_MEMORY");
    expect(cause?.message).toContain("it was on its last rung: micro-batches 2, 1 batch ahead");
    expect(script.acts).toEqual([]);
  });

  it("goes on above the newest token when it is fenced", async () => {
    const script = new Script(["FENCED"]);
    await (await begin("fenced", script)).result();
    expect(script.attempts).toEqual([2, 41, 42, 43]);
  });

  it("cancels within the heartbeat's answer, keeps the checkpoint, and ends as cancelled", async () => {
    const script = new Script(["slow"]);
    const handle = await begin("cancelled", script);
    await waitFor(async () => (await status("cancelled")).status === "training" && script.attempts.length === 1);
    await handle.cancel();
    expect(await failureOf(handle.result())).toBeInstanceOf(CancelledFailure);
    const state = await status("cancelled");
    expect(state.status).toBe("cancelled");
    expect(state.last?.checkpoint.step).toBe(1);
    expect(script.numAlive).toBe(0);
  });

  it("queues a run that the machine cannot carry, and says so", async () => {
    const first = new Script(["slow"]);
    const second = new Script();
    const running = await begin("first", first);
    await waitFor(async () => first.attempts.length === 1);
    const queued = await begin("second", second);
    await waitFor(async () => (await status("second")).status === "queued");
    expect((await status("second")).progress?.note).toContain("running: first");
    await running.cancel();
    expect(await queued.result()).toMatchObject({ step: 12 });
    expect(first.numSpawned + second.numSpawned).toBe(2);
  });

  it("hands over when the worker is shut down, without counting it", async () => {
    const script = new Script(["slow"]);
    const handle = await begin("handed-over", script, { retries: { crash: 0 } });
    await waitFor(async () => script.attempts.length === 1);
    await stack.stopWorker();
    expect(script.step).toBe(1);
    await stack.startWorker();
    expect(await handle.result()).toMatchObject({ step: 12, numFailedAttempts: 1 });
    expect(script.numSpawned).toBe(2);
  });

  it("continues as new before the history grows", async () => {
    const epochs = 30;
    const script = new Script([], { epochs, stepsPerEpoch: 1, totalSteps: epochs });
    const handle = await begin("long", script, { segment: { maxHistoryEvents: 60 } });
    expect(await handle.result()).toMatchObject({ step: epochs, usage: { numSteps: epochs }, ledger: scriptedLedger });
    const { historyLength, runId, memo, searchAttributes: attributes } = await handle.describe();
    expect(memo).toEqual({ recipe: "scripted" });
    expect(attributes).toMatchObject({ AnnealStatus: ["completed"], AnnealStep: [epochs] });
    expect(historyLength).toBeLessThan(100);
    expect(runId).not.toBe(handle.firstExecutionRunId);
  });
});

/** Summaries of the activities of a run, in order, decoded from its history. */
async function summaries(runId: string): Promise<string[]> {
  const { events } = await stack.client.workflow.getHandle(runId).fetchHistory();
  return (events ?? []).flatMap((event) => {
    const data = event.activityTaskScheduledEventAttributes && event.userMetadata?.summary?.data;
    return data ? [JSON.parse(Buffer.from(data).toString()) as string] : [];
  });
}
