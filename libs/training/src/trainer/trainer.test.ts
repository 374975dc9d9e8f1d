import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openCheckpointStore, readLedger, runPathsAt } from "@anneal/checkpoint";
import type { AnnealError, Corrections, EngineName, RunSpecInput } from "@anneal/contracts";
import { recoverFromNonFinite } from "@anneal/policy";
import { processAlive, seededRandom, tempAnnealHome, waitFor } from "@anneal/testing";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { RunDriver } from "../test-support/drive.ts";
import { writeKillRecipe } from "../test-support/kill-recipe.ts";
import { tempFolder } from "../test-support/temp-folder.ts";
import { testedEngines } from "../test-support/tested-engines.ts";
import { spawnTrainer } from "./client.ts";
import { defaultThreads } from "./setup.ts";

/** Real trainer processes, killed, stopped and asked for the impossible. */

const home = tempAnnealHome();
const folder = tempFolder();
const recipePath = writeKillRecipe(folder);
const drivers: RunDriver[] = [];
let numRuns = 0;

/** Makes runs that train with one engine. */
function runsOf(engine: EngineName) {
  return (
    parameters: RunSpecInput["parameters"] = {},
    spec: Partial<RunSpecInput> = {},
    runId = `${engine}-${++numRuns}`,
  ) => {
    const recipe = { name: "kill", path: recipePath };
    const driver = new RunDriver(home.path, runId, { recipe, parameters, engine, ...spec });
    drivers.push(driver);
    return driver;
  };
}

async function closeAll(): Promise<void> {
  await Promise.all(drivers.splice(0).map((driver) => driver.close()));
}

async function historyOf(run: RunDriver) {
  const { manifest } = await openCheckpointStore(run.runDirectory).load(run.last!.checkpoint.path);
  return manifest.state.history;
}

/** The run that nobody disturbs. */
afterAll(async () => {
  await closeAll();
  folder[Symbol.dispose]();
  home[Symbol.dispose]();
});

describe.each(testedEngines)("with the %s engine", (engine) => {
  const newRun = runsOf(engine);
  let reference: RunDriver;
  let referenceDigest: string;

  beforeAll(async () => {
    reference = newRun();
    const { result } = await reference.finish();
    referenceDigest = result.checkpoint.digest;
    await closeAll();
  });
  afterEach(closeAll);

  describe("an undisturbed run", () => {
    test("has a plan, a history and a record", async () => {
      expect(reference.prepared!.plan).toMatchObject({
        recipeName: "kill",
        numTestSamples: 40,
        batchSize: 16,
        epochs: 3,
        monitor: { metric: "validation/accuracy", direction: "maximize" },
        numParameters: 12 * 8 + 4 * 8 + 8 * 4 + 4,
      });
      const { plan } = reference.prepared!;
      expect(plan.numTrainSamples + plan.numValidationSamples).toBe(190);
      expect(plan.numTrainSamples % 16).not.toBe(0);
      expect(reference.last).toMatchObject({ step: plan.totalSteps, epoch: 3, finished: true, exact: true });
      expect(await historyOf(reference)).toHaveLength(3);
      const record = JSON.parse(readFileSync(join(reference.runDirectory, "run.json"), "utf8"));
      expect(record).toMatchObject({ runId: reference.runId, plan: { recipeDigest: plan.recipeDigest } });
      const lines = readFileSync(join(reference.runDirectory, "metrics.jsonl"), "utf8").trim().split("\n");
      const records = lines.map((line) => JSON.parse(line));
      expect(records.filter(({ kind }) => kind === "epoch").map(({ epoch }) => epoch)).toEqual([1, 2, 3]);
      expect(records.filter(({ kind }) => kind === "segment")[2]).toMatchObject({
        step: plan.totalSteps,
        numSteps: 10,
        numSaves: 1,
      });
    });

    test("says what its last segment took", () => {
      const { usage, modelBytes, checkpoint } = reference.last!;
      expect(usage).toMatchObject({ numSteps: 10, numSamples: reference.prepared!.plan.numTrainSamples });
      expect(usage!.validatingMs).toBeGreaterThan(0);
      expect(usage!.trainingMs).toBeGreaterThan(Math.max(usage!.validatingMs, usage!.waitedMs!));
      // TensorFlow alone is larger.
      expect(usage!.loadedRssBytes).toBeGreaterThan(100 * 2 ** 20);
      expect(usage!.peakRssBytes).toBeGreaterThanOrEqual(usage!.loadedRssBytes);
      expect(modelBytes).toBe(statSync(join(checkpoint.path, "model.safetensors")).size);
    });

    test("says what its steps really did", async () => {
      const { ledger } = reference.last!;
      const { plan, runDirectory } = { ...reference.prepared!, ...reference };
      expect(ledger ?? null).toEqual(await readLedger(runDirectory));
      if (engine === "eager") {
        expect(ledger).toBeUndefined();
        return;
      }
      expect(ledger).toMatchObject({
        // The 20th is the last of its epoch, and smaller.
        step: 20,
        precision: "float32",
        ranIn: "float32",
        productShare: 1,
        shadowLosses: [],
      });
      const bytesOf = (wanted: string) =>
        ledger!.tensors.filter((entry) => entry.class === wanted).reduce((sum, { numBytes }) => sum + numBytes, 0);
      expect(bytesOf("weights")).toBe(4 * plan.numParameters);
      // Moving averages are not trained.
      expect(bytesOf("optimizerState")).toBe(8 * (plan.numParameters - 2 * 8));
      expect(bytesOf("activations")).toBeGreaterThan(0);
      expect(bytesOf("gradients")).toBeGreaterThan(0);
      expect(bytesOf("batches")).toBeGreaterThan(0);
      expect(ledger!.stepMilliseconds).toBeGreaterThan(0);
      // A history carries it once a segment.
      expect(JSON.stringify(ledger).length).toBeLessThan(4_096);
      if (ledger!.memory !== null) expect(Math.abs(ledger!.memory.difference)).toBeLessThan(0.1);
    });

    test("is complete: a resume is refused, a second run of its id as well", async () => {
      const again = newRun({}, {}, reference.runId);
      again.attempt = 100;
      await expect(again.prepare({ recipeVersion: null, allowInexact: false })).rejects.toMatchObject({
        code: "RUN_COMPLETE",
      });
      const other = newRun({ learningRate: 0.5 }, {}, reference.runId);
      other.attempt = 200;
      await expect(other.prepare()).rejects.toMatchObject({ code: "RUN_EXISTS" });
    });

    test("can be evaluated and asked, without an attempt", async () => {
      const trainer = await spawnTrainer({ runDirectory: reference.runDirectory });
      try {
        const { last } = reference;
        const validation = await trainer.evaluateCheckpoint(null, "validation");
        expect(validation.metrics).toEqual((await historyOf(reference)).at(-1)!.validation);
        const { path } = last!.checkpoint;
        const { predictions, outputShape } = await trainer.predict(path, {
          kind: "split",
          split: "test",
          indices: [3, 0],
        });
        expect(outputShape).toEqual([4]);
        expect(predictions.map(({ index, label }) => [index, label])).toEqual([
          [3, 1],
          [0, 0],
        ]);
        expect(
          predictions.every(({ outputs, predictedClass }) => outputs[predictedClass!] === Math.max(...outputs)),
        ).toBe(true);
        const given = await trainer.predict(null, { kind: "inputs", inputs: [Array.from({ length: 12 }, () => 0)] });
        expect(given.predictions[0]!.outputs).toHaveLength(4);
        await expect(trainer.predict(null, { kind: "inputs", inputs: [[1]] })).rejects.toMatchObject({
          code: "PARAMETER_INVALID",
        });
      } finally {
        await trainer.close();
      }
    });
  });

  describe("the same bits", () => {
    test("after stops at random steps, in one process and in others", async () => {
      const run = newRun({ delayMs: 1 });
      const random = seededRandom(11);
      await run.prepare();
      let numStops = 0;
      while (!run.last!.finished) {
        const stopAt = run.last!.step + random.int(0, 4);
        const { stopped } = await run.segment({
          untilStep: run.prepared!.plan.totalSteps,
          onProgress: ({ phase, step }) => {
            if (phase !== "starting" && step >= stopAt) run.trainer!.stop();
          },
        });
        if (stopped) numStops += 1;
        if (numStops % 3 === 2) await run.close();
      }
      expect(numStops).toBeGreaterThan(1);
      const store = openCheckpointStore(run.runDirectory);
      const [mine, theirs] = await Promise.all([
        store.load(run.last!.checkpoint.path),
        store.load(reference.last!.checkpoint.path),
      ]);
      expect(mine.manifest.state).toEqual(theirs.manifest.state);
      expect(mine.manifest.files).toEqual(theirs.manifest.files);
      expect(mine.digest).toBe(referenceDigest);
    });

    test("with several steps in a call, as the run's record says, in one process and in others", async () => {
      const run = newRun({}, { checkpoint: { everySteps: 7 } });
      const { plan } = await run.prepare();
      // A run of a few steps makes one a call. It is the record that counts, not what would be decided now.
      const execution = { lowering: "graph", stepsPerCall: 3, why: "fastest", candidates: [] } as const;
      run.prepared = { ...run.prepared!, plan: { ...plan, lowering: execution } };
      await run.close();
      for (let numSegments = 0; !run.last!.finished; numSegments++) {
        await run.segment({ untilStep: Math.min(plan.totalSteps, run.last!.step + 8) });
        if (numSegments % 2 === 0) await run.close();
      }
      expect(run.last!.checkpoint.digest).toBe(referenceDigest);
      const lines = readFileSync(join(run.runDirectory, "metrics.jsonl"), "utf8").trim().split("\n");
      const segments = lines.map((line) => JSON.parse(line)).filter(({ kind }) => kind === "segment");
      const sumOf = (name: string) => segments.reduce((sum, segment) => sum + segment[name], 0);
      expect(sumOf("numSteps")).toBe(plan.totalSteps);
      expect(sumOf("numCalls")).toBeLessThan(plan.totalSteps);
      const { graphs } = runPathsAt(run.runDirectory);
      const kept = engine === "eager" ? [] : readdirSync(graphs).filter((name) => name.endsWith(".json"));
      expect(kept).toHaveLength(engine === "eager" ? 0 : 1);
      for (const name of kept) expect(readFileSync(join(graphs, name), "utf8")).toContain('"train/16x3"');
    });

    test("after kill -9 at random moments", async () => {
      const run = newRun({ delayMs: 1 }, { checkpoint: { everySteps: 3 } });
      const random = seededRandom(5);
      let numKills = 0;
      const { result, numCrashes } = await run.finish((trainer) => {
        if (numKills >= 3) return undefined;
        const killAt = (run.last?.step ?? 0) + random.int(0, 8);
        return ({ phase, step }) => {
          if (phase === "starting" || step < killAt) return;
          numKills += 1;
          setTimeout(() => trainer.kill(), random.int(0, 30));
        };
      });
      expect(numCrashes).toBeGreaterThanOrEqual(2);
      expect(result.checkpoint.digest).toBe(referenceDigest);
    });

    test.each([
      "commit-model-half-written@3:kill,commit-before-rename@6:kill",
      "acquire-fenced@2:kill,commit-renamed@3:kill,retain-moved@4:kill",
    ])("after a kill at %s", async (faults) => {
      const run = newRun({}, { checkpoint: { everySteps: 4, keepLast: 2 } });
      const onceDirectory = join(folder.path, `faults-${run.runId}`);
      run.spawnWith({ faults, env: { ANNEAL_FAULT_ONCE_DIR: onceDirectory } });
      const { result, numCrashes } = await run.finish();
      expect(numCrashes).toBe(faults.split(",").length);
      expect(readdirSync(onceDirectory)).toHaveLength(numCrashes);
      expect(result.checkpoint.digest).toBe(referenceDigest);
    });

    test("from the newest sound checkpoint, when the newest is damaged", async () => {
      const run = newRun({}, { checkpoint: { everySteps: 5 } });
      await run.prepare();
      await run.segment();
      await run.close();
      const { path } = run.last!.checkpoint;
      const file = join(path, "model.safetensors");
      const bytes = readFileSync(file);
      bytes[bytes.length - 3]! ^= 1;
      writeFileSync(file, bytes);
      const skipped = [{ path, code: "CHECKPOINT_CORRUPT", reason: expect.stringContaining("sha256") }];
      const reader = await run.start();
      expect(await reader.evaluateCheckpoint(null, null)).toMatchObject({ skipped });
      expect(await reader.predict(null, { kind: "split", split: "test", indices: [0] })).toMatchObject({ skipped });
      await run.close();
      const { result } = await run.segment();
      expect(result.skipped).toEqual(skipped);
      await run.finish();
      expect(run.last!.checkpoint.digest).toBe(referenceDigest);
    });

    test("never from the start when all checkpoints are damaged", async () => {
      const run = newRun();
      await run.prepare();
      writeFileSync(join(run.last!.checkpoint.path, "manifest.json"), "{");
      await expect(run.prepare()).rejects.toMatchObject({ code: "CHECKPOINT_CORRUPT" });
      await expect(run.segment()).rejects.toMatchObject({ code: "CHECKPOINT_CORRUPT" });
    });
  });

  describe("what ends a trainer", () => {
    test("nothing to do", async () => {
      const run = newRun();
      run.spawnWith({ idleMs: 50 });
      const trainer = await run.start();
      await trainer.exited;
      await expect(run.trainer!.predict(null, { kind: "inputs", inputs: [] })).rejects.toMatchObject({
        code: "TRAINER_CRASHED",
      });
    });

    test("an engine thread that ends", async () => {
      const run = newRun({ ending: "exit" });
      await expect(run.prepare()).rejects.toMatchObject({ code: "TRAINER_CRASHED" });
      await run.trainer!.exited;
      expect(readFileSync(run.trainer!.logFile, "utf8")).toContain("the engine thread ended");
    });

    test("a process that hangs: it is ended by name, and the next one goes on to the same bits", async () => {
      const run = newRun({ delayMs: 3 });
      run.spawnWith({ silenceLimitMs: 1_500 });
      await run.prepare();
      const { pid } = run.trainer!;
      const hanging = run.segment({ onProgress: ({ step }) => step > 2 && process.kill(pid, "SIGSTOP") });
      await expect(hanging).rejects.toMatchObject({ code: "TRAINER_HUNG" });
      await run.trainer!.exited;
      expect(processAlive(pid)).toBe(false);
      const { result } = await run.finish();
      expect(result.checkpoint.digest).toBe(referenceDigest);
    });

    test("an engine that makes no step for too long, though its process is alive", async () => {
      const run = newRun({ delayMs: 4_000 });
      run.spawnWith({ stuckLimitMs: 2_000 });
      await run.prepare();
      await expect(run.segment()).rejects.toMatchObject({ code: "TRAINER_HUNG" });
    });

    test("a newer attempt: the stale one can commit no more", async () => {
      const run = newRun({ delayMs: 60 }, { checkpoint: { everySteps: 2 } });
      const { plan } = await run.prepare();
      const newer = newRun({ delayMs: 60 }, {}, run.runId);
      Object.assign(newer, { prepared: run.prepared, last: run.last, attempt: 10 });
      const training = Promise.withResolvers<void>();
      const stale = run.segment({
        untilStep: plan.totalSteps,
        onProgress: ({ step }) => step > 0 && training.resolve(),
      });
      stale.catch(() => {});
      await training.promise;
      await newer.segment({ untilStep: newer.last!.step + 1 });
      await expect(stale).rejects.toMatchObject({ code: "FENCED" });
    });
  });

  describe("bad input", () => {
    test.each([
      ["PARAMETER_INVALID", { units: 99, epocs: 1 }, /did you mean "epochs"\?; units must be/],
      ["RECIPE_THREW", { ending: "throw" }, /kill\.ts:\d+: model\(\) threw: no such layer/],
      ["CHECKPOINT_NOT_FOUND", { initialWeights: "./nowhere" }, /nowhere/],
    ] as const)("%s, and nothing is left of the run", async (code, parameters, message) => {
      const run = newRun(parameters);
      run.spawnWith({ logFile: join(folder.path, `${run.runId}.log`) });
      const error: unknown = await run.prepare().catch((cause: unknown) => cause);
      expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
      // Paths are those of the file that a person can edit.
      expect(String(error)).not.toContain(run.runDirectory);
      expect(existsSync(run.runDirectory)).toBe(false);
    });

    test.each([
      ["hugeRate", "LOSS_NOT_FINITE"],
      // The step itself would be finite, and no weight after it.
      ["badRate", "RECIPE_INVALID"],
    ] as const)("a step that is not finite is named, the last checkpoint stays: %s", async (ending, code) => {
      const run = newRun({ ending });
      await run.prepare();
      const step = ending === "badRate" ? 5 : 6;
      await expect(run.segment()).rejects.toMatchObject({ code, facts: { step } });
      const [newest] = await openCheckpointStore(run.runDirectory).list();
      expect(newest!.step).toBe(0);
    });

    test("a sample that is not a number: each epoch goes on without its batch, bit for bit when interrupted", async () => {
      const digests: string[] = [];
      for (const untilStep of [undefined, 8]) {
        const run = newRun({ ending: "badSample" });
        await run.prepare();
        let corrections: Corrections | null = null;
        let numRollbacks = 0;
        while (!run.last!.finished) {
          try {
            const step = run.last!.step;
            await run.segment({ corrections, ...(untilStep !== undefined && step < untilStep ? { untilStep } : {}) });
            // A new process has the corrections from the checkpoint alone.
            if (untilStep !== undefined) await run.close();
            corrections = null;
          } catch (error) {
            const recovery = recoverFromNonFinite(
              run.spec.policy.nonFinite,
              run.last!.corrections,
              error as AnnealError,
            );
            if (recovery.kind === "fail") throw error;
            corrections = recovery.corrections;
            numRollbacks += 1;
          }
        }
        expect(numRollbacks).toBe(3);
        expect(run.last!.corrections).toMatchObject({ learningRateScale: 1, numRecoveries: 3 });
        expect(run.last!.corrections!.skippedSteps).toHaveLength(3);
        digests.push(run.last!.checkpoint.digest);
      }
      expect(digests[1]).toBe(digests[0]);
    });

    test("a full disk ends the segment, not the process; then it goes on", async () => {
      const run = newRun();
      run.spawnWith({ faults: "commit-model-half-written@1:ENOSPC,commit-model-half-written@3:ENOSPC" });
      await expect(run.prepare()).rejects.toMatchObject({ code: "DISK_FULL" });
      // Neither records nor a source: this is no run yet.
      expect(readdirSync(run.runDirectory).sort()).toEqual(["checkpoints", "logs", "staging"]);
      await run.prepare();
      const { pid } = run.trainer!;
      await expect(run.segment()).rejects.toMatchObject({ code: "DISK_FULL" });
      const { result } = await run.finish();
      expect(run.trainer!.pid).toBe(pid);
      expect(result.checkpoint.digest).toBe(referenceDigest);
    });
  });

  describe("resume", () => {
    test("of a run that never was, or whose recipe was edited", async () => {
      const never = newRun();
      await expect(never.prepare({ recipeVersion: null, allowInexact: false })).rejects.toMatchObject({
        code: "RUN_NOT_FOUND",
      });
      const run = newRun();
      await run.prepare();
      await run.segment();
      const before = readFileSync(recipePath, "utf8");
      writeFileSync(recipePath, before.replace("rate: 0.3", "rate: 0.31"));
      try {
        await expect(run.prepare({ recipeVersion: null, allowInexact: false })).rejects.toMatchObject({
          code: "RECIPE_CHANGED",
        });
        const recorded = await run.prepare({ recipeVersion: "recorded", allowInexact: false });
        expect(recorded.plan.recipeDigest).toBe(reference.prepared!.plan.recipeDigest);
        expect(recorded.start.step).toBe(recorded.plan.stepsPerEpoch);
        const current = await run.prepare({ recipeVersion: "current", allowInexact: false });
        expect(current.plan.recipeDigest).not.toBe(reference.prepared!.plan.recipeDigest);
        await run.segment();
      } finally {
        writeFileSync(recipePath, before);
      }
    });

    test("under another fingerprint is refused, or goes on and is marked", async () => {
      const run = newRun();
      await run.prepare();
      await run.segment();
      await run.close();
      const { intraOp, interOp } = defaultThreads();
      run.spec = { ...run.spec, threads: { intraOp: intraOp + 1, interOp } };
      await expect(run.prepare({ recipeVersion: null, allowInexact: false })).rejects.toMatchObject({
        code: "FINGERPRINT_MISMATCH",
        facts: { differences: "intraOpThreads" },
      });
      await run.close();
      const { start } = await run.prepare({ recipeVersion: null, allowInexact: true });
      expect(start.exact).toBe(false);
      expect((await run.segment()).result.exact).toBe(false);
    });

    test("of a run that stopped early: it is complete", async () => {
      const run = newRun({ patience: 1, learningRate: 1e-9 });
      const { result } = await run.finish();
      expect(result).toMatchObject({ stoppedEarly: true, epoch: 2 });
      await expect(run.prepare({ recipeVersion: null, allowInexact: false })).rejects.toMatchObject({
        code: "RUN_COMPLETE",
        remedy: expect.stringContaining("initialWeights"),
      });
    });

    test("starts another run from its weights", async () => {
      const run = newRun({ initialWeights: reference.last!.checkpoint.path });
      await run.prepare();
      const store = openCheckpointStore(run.runDirectory);
      const [newest] = await store.list();
      const started = await store.load(newest!.path);
      const finished = await store.load(reference.last!.checkpoint.path);
      expect(started.step).toBe(0);
      expect(started.model).toEqual(finished.model);
    });
  });

  test("a trainer whose parent is killed ends as well", async () => {
    const run = newRun({ delayMs: 5 });
    const { fork } = await import("node:child_process");
    const parent = fork(
      new URL("../test-support/parent.ts", import.meta.url),
      [run.runDirectory, JSON.stringify(run.spec)],
      {
        execArgv: ["--disable-warning=ExperimentalWarning"],
      },
    );
    const pid = await new Promise<number>((resolve) => parent.once("message", (message) => resolve(message as number)));
    expect(processAlive(pid)).toBe(true);
    parent.kill("SIGKILL");
    // The contract: a second, and no heartbeat of its own needed to notice.
    await waitFor(() => !processAlive(pid), { timeoutMs: 1_000, what: "the trainer's end" });
  });
});
