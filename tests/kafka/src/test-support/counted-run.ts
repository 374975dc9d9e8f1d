import { join } from "node:path";
import { openCheckpointStore } from "@anneal/checkpoint";
import {
  AnnealError,
  type EvaluationResult,
  type Manifest,
  type PreparedRun,
  type RunSpec,
  type RunSpecInput,
  runSpecSchema,
  type SegmentResult,
  type TopicBounds,
  type TopicPosition,
  windowInProgress,
} from "@anneal/contracts";
import { spawnTrainer, type TrainerClient } from "@anneal/training";
import { expect } from "vitest";

interface CountedCheckpoint {
  readonly path: string;
  readonly manifest: Manifest;
  /** By the weights: how often each record was trained. */
  readonly counts: readonly number[];
}

/** A run driven as its workflow does: segment after segment, again after a crash. */
export class CountedRun implements AsyncDisposable {
  readonly runId: string;
  readonly runDirectory: string;
  readonly spec: RunSpec;
  prepared: PreparedRun | null = null;
  last: SegmentResult | null = null;
  numCrashes = 0;
  /** As the trainer said last. */
  step = 0;
  /** Of a topic in windows, those that were opened, and what was made of each before it was trained. */
  readonly windows: TopicBounds[] = [];
  readonly evaluations: EvaluationResult[] = [];
  #attempt = 0;
  #trainer: TrainerClient | null = null;

  constructor(home: string, runId: string, spec: RunSpecInput) {
    this.runId = runId;
    this.runDirectory = join(home, "runs", runId);
    this.spec = runSpecSchema.parse(spec);
  }

  async prepare(): Promise<PreparedRun> {
    const trainer = await this.#living();
    const { runId, spec } = this;
    this.prepared = await trainer.prepare({ runId, spec, attempt: ++this.#attempt, resume: null });
    this.last = this.prepared.start;
    return this.prepared;
  }

  /**
   * Trains to the end. At each of these steps the trainer is killed, as by a power cut, as soon as it says that it is there; then
   * `onKilled` is waited for.
   */
  async finish(killAt: readonly number[] = [], onKilled: () => Promise<void> = async () => {}): Promise<SegmentResult> {
    const left = [...killAt];
    while (this.last?.finished !== true) {
      try {
        if (this.prepared === null) await this.prepare();
        await this.#segment(left);
      } catch (cause) {
        if (!(cause instanceof AnnealError) || cause.code !== "TRAINER_CRASHED") throw cause;
        this.numCrashes += 1;
        await onKilled();
      }
    }
    return this.last;
  }

  async #segment(killAt: number[]): Promise<void> {
    const { runId, spec, prepared } = this;
    const { plan } = prepared!;
    const trainer = await this.#living();
    const epochEnd = (Math.floor(this.last!.step / plan.stepsPerEpoch) + 1) * plan.stepsPerEpoch;
    const window = plan.windows === undefined ? null : await this.#window(trainer);
    const untilStep = Math.min(plan.totalSteps, epochEnd);
    const input = { runId, spec, plan, window, attempt: ++this.#attempt, untilStep };
    const ended = await trainer.segment({ ...input, allowInexact: false }, ({ step }) => {
      this.step = step;
      if (killAt[0] === undefined || step < killAt[0]) return;
      killAt.shift();
      trainer.kill();
    });
    this.last = ended.result;
  }

  /** The window that is trained next: the one that was begun, or a new one, which is evaluated first. */
  async #window(trainer: TrainerClient): Promise<TopicBounds> {
    const { runId, spec, prepared, last } = this;
    const { plan } = prepared!;
    const number = Math.floor(last!.step / plan.stepsPerEpoch);
    const known = [this.windows.at(-1), windowInProgress(last!.topic!, plan.windows!)];
    const begun = known.find((window) => window?.window === number);
    if (begun) return begun;
    const input = { runId, spec, plan, number, after: last!.topic! };
    const { result: window } = await trainer.openWindow({ ...input, attempt: ++this.#attempt });
    this.windows.push(window!);
    this.evaluations.push(await trainer.evaluate({ runId, spec, plan, window, attempt: ++this.#attempt }));
    return window!;
  }

  /** All checkpoints that are kept: what their manifests say, and how often each weight says that its record was trained. */
  async checkpoints(): Promise<readonly CountedCheckpoint[]> {
    const store = openCheckpointStore(this.runDirectory);
    const loaded = await Promise.all((await store.list()).map(({ path }) => store.load(path)));
    return loaded.map(({ path, manifest, model }) => ({
      path,
      manifest,
      // Zeros that were never touched are 0, not -0.
      counts: Array.from(model[0]!.data as Float32Array, (weight) => (weight === 0 ? 0 : -weight)),
    }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#trainer?.close();
  }

  async #living(): Promise<TrainerClient> {
    if (this.#trainer?.alive !== true) this.#trainer = await spawnTrainer({ runDirectory: this.runDirectory });
    return this.#trainer;
  }
}

/** Whether each checkpoint's weights were trained by the records that its manifest says, and by them as often. */
export async function requireExact(
  run: CountedRun,
  idOf: ReadonlyMap<string, number>,
  batchSize: number,
): Promise<void> {
  for (const { manifest, counts } of await run.checkpoints()) {
    expect(counts).toEqual(countsOf(manifest.state.cursor.topic!, idOf));
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(batchSize * manifest.state.step);
  }
}

/** How often each record was trained, by its id, as a manifest's position says. `idOf`: by `partition:offset`. */
function countsOf({ pass, partitions }: TopicPosition, idOf: ReadonlyMap<string, number>): readonly number[] {
  const counts = Array.from<number>({ length: idOf.size }).fill(0);
  for (const [place, id] of idOf) {
    const [partition, offset] = place.split(":").map(Number);
    const at = partitions.find((each) => each.partition === partition);
    // A partition that is newer than the window.
    if (at === undefined) continue;
    const isAhead = at.ahead?.some(([from, to]) => from <= offset! && offset! < to) ?? false;
    // A window is trained once.
    const numBefore = at.start === undefined ? pass : 0;
    counts[id] = numBefore + (offset! < at.next || isAhead ? 1 : 0);
  }
  return counts;
}
