import type {
  EvaluateInput,
  EvaluationResult,
  ExportInput,
  ExportReport,
  PreparedRun,
  PrepareInput,
  Progress,
  SegmentInput,
  SegmentResult,
  TopicBounds,
  WindowInput,
} from "@anneal/contracts";

/** What an activity needs of a trainer process. `@anneal/training` has the real one. */
export interface Trainer {
  readonly pid: number;
  /** False once the process has ended. */
  readonly alive: boolean;
  prepare(input: PrepareInput, onProgress: (progress: Progress) => void): Promise<PreparedRun>;
  segment(
    input: SegmentInput,
    onProgress: (progress: Progress) => void,
  ): Promise<{ readonly result: SegmentResult; readonly stopped: boolean }>;
  openWindow(
    input: WindowInput,
    onProgress: (progress: Progress) => void,
  ): Promise<{ readonly result: TopicBounds | null; readonly stopped: boolean }>;
  evaluate(input: EvaluateInput, onProgress: (progress: Progress) => void): Promise<EvaluationResult>;
  export(input: ExportInput, onProgress: (progress: Progress) => void): Promise<ExportReport>;
  /** Asks a running segment to commit a checkpoint and end. */
  stop(): void;
  /** Ends the process at once. */
  kill(): void;
  /** Ends the process politely; resolves when it is gone. */
  close(): Promise<void>;
  /** Resolves when the process has ended, however. */
  readonly exited: Promise<void>;
}

interface Waiting {
  readonly runId: string;
  readonly exclusive: boolean;
  readonly start: () => void;
  readonly onPosition: AcquireOptions["onPosition"];
}

export interface AcquireOptions {
  /** The run shares this worker with no other: it waits until it is alone, and others until it has ended. */
  readonly exclusive: boolean;
  /** Ends the run's living trainer first; the new one takes its place. By default the living one is taken. */
  readonly renew?: boolean;
  /** Called at once if the run has to wait, and whenever its place in line changes (1 = next). */
  readonly onPosition: (runningRunIds: readonly string[], position: number) => void;
}

/**
 * The trainers of this worker: at most one a run, at most `capacity` at a time; further runs wait in line, first come
 * first served. A trainer stays with its run from segment to segment and gives its place back when its process ends.
 */
export class TrainerPool {
  readonly #capacity: number;
  readonly #spawn: (runId: string) => Promise<Trainer>;
  readonly #trainers = new Map<string, Trainer>();
  readonly #spawning = new Map<string, Promise<Trainer>>();
  /** Places taken, by run: from the moment a trainer is being spawned until its process has ended. */
  readonly #taken = new Map<string, { readonly exclusive: boolean }>();
  /** Runs whose trainer ends so that another takes its place. */
  readonly #renewing = new Set<string>();
  readonly #line: Waiting[] = [];

  constructor(capacity: number, spawn: (runId: string) => Promise<Trainer>) {
    this.#capacity = capacity;
    this.#spawn = spawn;
  }

  /**
   * The run's trainer: the living one, or a new process as soon as there is room.
   *
   * @throws the signal's reason when it aborts while waiting.
   */
  async acquire(runId: string, signal: AbortSignal, options: AcquireOptions): Promise<Trainer> {
    const living = this.#trainers.get(runId);
    if (living?.alive && !options.renew) return living;
    const keepsPlace = living?.alive === true;
    if (keepsPlace) {
      this.#renewing.add(runId);
      await living.close();
    }
    // A trainer that is gone but whose end has not been told yet still holds the run's place.
    if (living) await living.exited;
    this.#renewing.delete(runId);
    if (signal.aborted && keepsPlace) this.#givePlaceBack(runId);
    signal.throwIfAborted();
    const spawning = this.#spawning.get(runId);
    if (spawning) return spawning;
    if (!keepsPlace) await this.#takePlace(runId, signal, options);
    const trainer = this.#start(runId);
    this.#spawning.set(runId, trainer);
    try {
      return await trainer;
    } finally {
      this.#spawning.delete(runId);
    }
  }

  async #start(runId: string): Promise<Trainer> {
    try {
      const trainer = await this.#spawn(runId);
      this.#trainers.set(runId, trainer);
      void trainer.exited.then(() => {
        if (this.#trainers.get(runId) === trainer) this.#trainers.delete(runId);
        if (!this.#renewing.has(runId)) this.#givePlaceBack(runId);
      });
      return trainer;
    } catch (error) {
      this.#givePlaceBack(runId);
      throw error;
    }
  }

  find(runId: string): Trainer | undefined {
    return this.#trainers.get(runId);
  }

  /** Ends all trainers politely. */
  async close(): Promise<void> {
    await Promise.all([...this.#trainers.values()].map((trainer) => trainer.close()));
  }

  async #takePlace(runId: string, signal: AbortSignal, options: AcquireOptions): Promise<void> {
    const { exclusive } = options;
    if (this.#line.length === 0 && this.#hasRoom(options)) {
      this.#taken.set(runId, { exclusive });
      return;
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiting: Waiting = { runId, start: resolve, ...options };
    const leave = (): void => {
      const index = this.#line.indexOf(waiting);
      if (index >= 0) this.#line.splice(index, 1);
      reject(signal.reason);
      // Whoever stood behind one that wanted to be alone may start now.
      this.#serveLine();
    };
    signal.addEventListener("abort", leave, { once: true });
    this.#line.push(waiting);
    this.#tellPositions();
    try {
      await promise;
    } finally {
      signal.removeEventListener("abort", leave);
    }
  }

  #givePlaceBack(runId: string): void {
    this.#taken.delete(runId);
    this.#serveLine();
  }

  #serveLine(): void {
    for (let next = this.#line[0]; next && this.#hasRoom(next); next = this.#line[0]) {
      this.#line.shift();
      this.#taken.set(next.runId, { exclusive: next.exclusive });
      next.start();
    }
    this.#tellPositions();
  }

  #hasRoom({ exclusive }: Pick<AcquireOptions, "exclusive">): boolean {
    if (exclusive) return this.#taken.size === 0;
    const isTakenWhole = [...this.#taken.values()].some((place) => place.exclusive);
    return !isTakenWhole && this.#taken.size < this.#capacity;
  }

  #tellPositions(): void {
    const running = [...this.#taken.keys()];
    this.#line.forEach(({ onPosition }, index) => {
      onPosition(running, index + 1);
    });
  }
}
