import { join } from "node:path";
import {
  type Corrections,
  type PreparedRun,
  type Progress,
  type ResumeChoices,
  type RunSpec,
  type RunSpecInput,
  runSpecSchema,
  type SegmentInput,
  type SegmentResult,
} from "@anneal/contracts";
import { type SpawnOptions, spawnTrainer, type TrainerClient } from "../trainer/client.ts";

/** Does for one run what its workflow does: counts attempts, asks for segment after segment, tries again after a crash. */
export class RunDriver implements AsyncDisposable {
  readonly runId: string;
  readonly runDirectory: string;
  spec: RunSpec;
  attempt = 0;
  trainer: TrainerClient | null = null;
  prepared: PreparedRun | null = null;
  last: SegmentResult | null = null;
  #spawnOptions: Partial<SpawnOptions> = {};

  constructor(home: string, runId: string, spec: RunSpecInput) {
    this.runId = runId;
    this.runDirectory = join(home, "runs", runId);
    this.spec = runSpecSchema.parse(spec);
  }

  /** For the trainers that are started from here on. */
  spawnWith(options: Partial<SpawnOptions>): void {
    this.#spawnOptions = options;
  }

  async start(): Promise<TrainerClient> {
    if (this.trainer?.alive) return this.trainer;
    this.trainer = await spawnTrainer({ runDirectory: this.runDirectory, ...this.#spawnOptions });
    return this.trainer;
  }

  async prepare(resume: ResumeChoices | null = null): Promise<PreparedRun> {
    const { runId, spec } = this;
    const trainer = await this.start();
    this.prepared = await trainer.prepare({ runId, spec, attempt: ++this.attempt, resume });
    this.last = this.prepared.start;
    return this.prepared;
  }

  /** One segment, to the end of the epoch unless told otherwise. */
  async segment(
    options: {
      untilStep?: number;
      onProgress?: (progress: Progress) => void;
      allowInexact?: boolean;
      corrections?: Corrections | null;
      move?: SegmentInput["move"];
    } = {},
  ) {
    const { runId, spec } = this;
    const { plan } = this.prepared!;
    const trainer = await this.start();
    const nextEpoch = (Math.floor(this.last!.step / plan.stepsPerEpoch) + 1) * plan.stepsPerEpoch;
    const untilStep = options.untilStep ?? Math.min(plan.totalSteps, nextEpoch);
    const { onProgress, allowInexact = false, corrections = null, move = null } = options;
    const ended = await trainer.segment(
      { runId, spec, plan, attempt: ++this.attempt, untilStep, allowInexact, corrections, move },
      onProgress,
    );
    this.last = ended.result;
    return ended;
  }

  evaluate() {
    const { runId, spec } = this;
    return this.start().then((trainer) =>
      trainer.evaluate({ runId, spec, plan: this.prepared!.plan, attempt: ++this.attempt }),
    );
  }

  /** Trains to the end, whatever trainers die on the way. Returns the last result. */
  async finish(onSegment: (trainer: TrainerClient) => ((progress: Progress) => void) | undefined = () => undefined) {
    let numCrashes = 0;
    while (!this.last?.finished) {
      try {
        const trainer = await this.start();
        const onProgress = onSegment(trainer);
        if (this.prepared === null) await this.prepare();
        else await this.segment(onProgress === undefined ? {} : { onProgress });
      } catch (error) {
        if ((error as { code?: string }).code !== "TRAINER_CRASHED") throw error;
        numCrashes += 1;
        await this.trainer?.exited;
      }
    }
    return { result: this.last, numCrashes };
  }

  async close(): Promise<void> {
    await this.trainer?.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
