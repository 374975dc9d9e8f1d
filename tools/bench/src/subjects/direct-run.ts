import { join } from "node:path";
import type { EvaluationResult, Progress, RunSpec, SegmentResult, TrainingPlan } from "@anneal/contracts";
import { spawnTrainer, type TrainerClient } from "@anneal/training";

/** A part of a run, timed from outside: the message, the steps, and the checkpoint that ends every segment. */
export interface TimedSegment {
  readonly elapsedMs: number;
  readonly numSamples: number;
  readonly result: SegmentResult;
  /** Checkpoints committed within the segment, the one at its end included. */
  readonly numCheckpoints: number;
  readonly last: Progress | null;
}

/** Milliseconds of each part of a start. */
export interface StartTimes {
  readonly spawnMs: number;
  readonly prepareMs: number;
}

/** A run whose loop is called directly: the trainer process that the worker would use, without Temporal. */
export class DirectRun {
  readonly plan: TrainingPlan;
  readonly startTimes: StartTimes;
  readonly #trainer: TrainerClient;
  readonly #spec: RunSpec;
  readonly #runId: string;
  #step = 0;
  #attempt = 1;

  private constructor(
    trainer: TrainerClient,
    run: { readonly runId: string; readonly spec: RunSpec; readonly plan: TrainingPlan; readonly times: StartTimes },
  ) {
    this.#trainer = trainer;
    this.#spec = run.spec;
    this.#runId = run.runId;
    this.plan = run.plan;
    this.startTimes = run.times;
  }

  /** Spawns the trainer and prepares the run in `<home>/runs/<runId>`, which must not exist yet. */
  static async start(home: string, runId: string, spec: RunSpec): Promise<DirectRun> {
    const startedAt = performance.now();
    const trainer = await spawnTrainer({ runDirectory: join(home, "runs", runId), idleMs: idleLimitMs });
    const spawnedAt = performance.now();
    try {
      const { plan } = await trainer.prepare({ runId, spec, attempt: 1, resume: null });
      const times = { spawnMs: spawnedAt - startedAt, prepareMs: performance.now() - spawnedAt };
      return new DirectRun(trainer, { runId, spec, plan, times });
    } catch (cause) {
      await trainer.close();
      throw cause;
    }
  }

  get pid(): number {
    return this.#trainer.pid;
  }

  /** Trains `numSteps` further steps in one segment. */
  async train(numSteps: number): Promise<TimedSegment> {
    const from = this.#step;
    const untilStep = from + numSteps;
    this.#attempt += 1;
    const committed = new Set<string>();
    let last: Progress | null = null;
    const startedAt = performance.now();
    const { result } = await this.#trainer.segment(
      {
        runId: this.#runId,
        spec: this.#spec,
        plan: this.plan,
        attempt: this.#attempt,
        untilStep,
        allowInexact: false,
      },
      (progress) => {
        last = progress;
        if (progress.checkpoint !== null && progress.checkpoint.step > from) committed.add(progress.checkpoint.digest);
      },
    );
    const elapsedMs = performance.now() - startedAt;
    if (result.step !== untilStep) throw new Error(`the segment ended at step ${result.step}, not ${untilStep}`);
    this.#step = result.step;
    const numSamples = samplesUntil(untilStep, this.plan) - samplesUntil(from, this.plan);
    return { elapsedMs, numSamples, result, numCheckpoints: committed.size, last };
  }

  async evaluate(): Promise<EvaluationResult> {
    this.#attempt += 1;
    return this.#trainer.evaluate({ runId: this.#runId, spec: this.#spec, plan: this.plan, attempt: this.#attempt });
  }

  async close(): Promise<void> {
    await this.#trainer.close();
  }
}

/** A subject waits while the other is measured: longer than a trainer waits by default. */
const idleLimitMs = 600_000;

/** Samples trained on in the first `step` steps: the last batch of an epoch may be partial. */
function samplesUntil(step: number, { stepsPerEpoch, numTrainSamples, batchSize }: TrainingPlan): number {
  return Math.floor(step / stepsPerEpoch) * numTrainSamples + (step % stepsPerEpoch) * batchSize;
}
