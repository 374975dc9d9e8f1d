import type { Trainer } from "@anneal/activities";
import {
  AnnealError,
  type CheckpointReference,
  type Corrections,
  type ErrorCode,
  type ExportInput,
  type ExportReport,
  type Ledger,
  type Metrics,
  type PreparedRun,
  type Progress,
  type RungMove,
  type SegmentInput,
  type SegmentResult,
  type TrainingPlan,
} from "@anneal/contracts";

/** What a scripted trainer does in its n-th segment: fail with a code, die, end early for want of memory, or train slowly until stopped. */
export type Act = ErrorCode | "ok" | "pressure" | "slow";

/**
 * A trainer without TensorFlow for tests of the orchestration: it fails on command, which a real one does not.
 * State lives in the script, as a real trainer's lives in its store, so that a new process goes on where the last ended.
 */
export class Script {
  readonly acts: Act[];
  /** What its exports do, one after another: fail with a code, or succeed. */
  exportActs: (ErrorCode | "ok")[] = [];
  readonly plan: TrainingPlan;
  /** Fencing tokens in the order in which attempts came. */
  readonly attempts: number[] = [];
  /** In force, as a checkpoint would have them. */
  corrections: Corrections | null = null;
  rungMoves: readonly RungMove[] = [];
  step = 0;
  numSpawned = 0;
  numAlive = 0;
  mostAlive = 0;
  peakRssBytes = 2 ** 30;
  msPerStep = 5;
  /** Metrics of the evaluation. */
  evaluated: Metrics = { loss: 0.5 };

  constructor(acts: Act[] = [], plan: Partial<TrainingPlan> = {}) {
    this.acts = acts;
    this.plan = { ...defaultPlan, ...plan };
  }

  spawn(): Trainer {
    this.numSpawned += 1;
    this.numAlive += 1;
    this.mostAlive = Math.max(this.mostAlive, this.numAlive);
    return new ScriptedTrainer(this);
  }

  result(): SegmentResult {
    return {
      step: this.step,
      epoch: Math.floor(this.step / this.plan.stepsPerEpoch),
      metrics: { loss: 1 / (this.step + 1) },
      checkpoint: reference(this.step),
      best: { metric: "loss", value: 1 / (this.step + 1), step: this.step },
      finished: this.step >= this.plan.totalSteps,
      stoppedEarly: false,
      exact: true,
      skipped: [],
      corrections: this.corrections,
      modelBytes: 4_000,
      ...(this.rungMoves.length > 0 && { rungMoves: this.rungMoves }),
    };
  }
}

export const scriptedLedger: Ledger = {
  step: 0,
  precision: "float32",
  ranIn: "float32",
  productShare: 1,
  timeShares: { float32: 1 },
  stepMilliseconds: 5,
  tensors: [{ class: "weights", dtype: "float32", numBytes: 4_000, bytesAtPeak: 4_000 }],
  kernels: [{ op: "MatMul", dtype: "float32", numRuns: 1, microseconds: 5_000 }],
  memory: null,
  shadowLosses: [],
};

class ScriptedTrainer implements Trainer {
  readonly pid = process.pid;
  readonly exited: Promise<void>;
  readonly #script: Script;
  readonly #end: () => void;
  #stop: (() => void) | undefined;
  alive = true;

  constructor(script: Script) {
    this.#script = script;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.exited = promise;
    this.#end = resolve;
  }

  /** Ten samples a step. */
  #ended(from: number): SegmentResult {
    const numSteps = this.#script.step - from;
    const usage = {
      numSteps,
      numSamples: 10 * numSteps,
      trainingMs: this.#script.msPerStep * numSteps,
      validatingMs: 0,
      waitedMs: numSteps,
      peakRssBytes: this.#script.peakRssBytes,
      loadedRssBytes: 2 ** 28,
    };
    // A step is recorded once in the life of a trainer: later segments may come without.
    return { ...this.#script.result(), usage, ...(from === 0 && { ledger: scriptedLedger }) };
  }

  async prepare(): Promise<PreparedRun> {
    return { plan: this.#script.plan, start: this.#script.result() };
  }

  async segment(input: SegmentInput, onProgress: (progress: Progress) => void) {
    const script = this.#script;
    script.attempts.push(input.attempt);
    script.corrections = input.corrections ?? script.corrections;
    const { move } = input;
    if (move && JSON.stringify(move.rung) !== JSON.stringify(script.rungMoves.at(-1)?.rung)) {
      script.rungMoves = [...script.rungMoves, { step: script.step, ...move }];
    }
    const act = script.acts.shift() ?? "ok";
    onProgress(progressOf(script));
    const from = script.step;
    if (act === "slow") {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#stop = resolve;
      await promise;
      script.step += 1;
      return { result: this.#ended(from), stopped: true };
    }
    if (act === "pressure") {
      script.step += 1;
      return { result: { ...script.result(), memoryPressure: "scripted pressure" }, stopped: false };
    }
    if (act !== "ok") {
      this.kill();
      const facts =
        act === "FENCED" ? { highestAttempt: 40 } : act === "LOSS_NOT_FINITE" ? { step: script.step + 2 } : {};
      throw new AnnealError(act, `scripted ${act}.`, "Read the script.", facts);
    }
    script.step = input.untilStep;
    return { result: this.#ended(from), stopped: false };
  }

  /** Its data is no topic. */
  async openWindow(): Promise<never> {
    throw new AnnealError("INTERNAL", "a scripted run has no windows", "Read the script.");
  }

  async evaluate() {
    const { step, evaluated } = this.#script;
    return {
      split: "test" as const,
      numSamples: 1,
      metrics: evaluated,
      checkpoint: reference(step),
      skipped: [],
    };
  }

  /** Says no more than what the workflow keeps of it. */
  async export({ asked }: ExportInput): Promise<ExportReport> {
    const act = this.#script.exportActs.shift() ?? "ok";
    if (act !== "ok") {
      this.kill();
      throw new AnnealError(act, `scripted ${act}.`, "Read the script.");
    }
    const file = { path: `/exports/${asked.format}-${asked.precision}`, numBytes: 1_000, sha256: "f".repeat(64) };
    return { file, after: { metrics: this.#script.evaluated } } as unknown as ExportReport;
  }

  stop(): void {
    this.#stop?.();
  }

  kill(): void {
    if (!this.alive) return;
    this.alive = false;
    this.#script.numAlive -= 1;
    this.#end();
  }

  async close(): Promise<void> {
    this.kill();
  }
}

function reference(step: number): CheckpointReference {
  return { step, epoch: 0, path: `/checkpoints/${step}`, digest: "d".repeat(64) };
}

function progressOf(script: Script): Progress {
  return {
    phase: "training",
    step: script.step,
    totalSteps: script.plan.totalSteps,
    epoch: 1,
    epochs: script.plan.epochs,
    metrics: { loss: 0.25 },
    samplesPerSecond: 1_000,
    secondsLeft: 10,
    checkpoint: reference(script.step),
    best: null,
    engineWaitShare: 0,
    trainerPid: process.pid,
    workerPid: null,
    note: null,
  };
}

const defaultPlan: TrainingPlan = {
  recipeName: "scripted",
  recipeDigest: "r".repeat(64),
  parameters: {},
  numTrainSamples: 40,
  numValidationSamples: 0,
  numTestSamples: 10,
  batchSize: 10,
  epochs: 3,
  stepsPerEpoch: 4,
  totalSteps: 12,
  numParameters: 1,
  monitor: { metric: "loss", direction: "minimize" },
  lowering: null,
  threads: { intraOp: 1, interOp: 1 },
  fingerprint: {},
};
