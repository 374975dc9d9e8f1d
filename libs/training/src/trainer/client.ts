import { type ChildProcess, fork } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { runPathsAt } from "@anneal/checkpoint";
import {
  AnnealError,
  type DataSplit,
  type EvaluateInput,
  type EvaluationResult,
  type ExportInput,
  type ExportReport,
  type ExportSpec,
  fromRecord,
  type PredictionResult,
  type PredictionSamples,
  type PreparedRun,
  type PrepareInput,
  type Progress,
  type SegmentInput,
  type SegmentResult,
  type StepExplanation,
  type TopicBounds,
  type TrainerReply,
  type TrainerRequest,
  type WindowInput,
} from "@anneal/contracts";
import {
  grantedMemory,
  type ProcessMemory,
  readOomKills,
  readProcessMemory,
  recipeResolutionArguments,
} from "@anneal/runtime";
import { explainExit } from "./exit-reason.ts";

export interface SpawnOptions {
  /** The run's folder, `<home>/runs/<runId>`. */
  readonly runDirectory: string;
  /** Where the process's own output goes. Default: `logs/trainer.log` in the run's folder. */
  readonly logFile?: string;
  /** Variables beside this process's own. */
  readonly env?: Readonly<Record<string, string>>;
  /** The process ends by itself when nothing was asked for so long. Default 30 s. */
  readonly idleMs?: number;
  /**
   * A trainer that says nothing for so long while it is at work hangs, and is ended. Default 30 s. While it starts, ten
   * times as long: a recipe's `data()` may keep its main thread busy.
   */
  readonly silenceLimitMs?: number;
  /** The same for one that speaks but does not get on: no step, no evaluated batch. Default 30 minutes. */
  readonly stuckLimitMs?: number;
  /** Points at which the checkpoint code fails on purpose (`ANNEAL_FAULT`), for tests. */
  readonly faults?: string;
  /** A command that runs the trainer's command, as `prlimit --data=4000000000` does. By default `ANNEAL_TRAINER_LAUNCHER`, or none. */
  readonly launcher?: string;
}

type OnProgress = (progress: Progress) => void;
type Answer = Exclude<TrainerReply["type"], "ready" | "progress" | "failed">;
type ReplyOf<Type extends TrainerReply["type"]> = Extract<TrainerReply, { readonly type: Type }>;

interface Pending {
  readonly expected: Answer;
  readonly onProgress: OnProgress;
  readonly resolve: (reply: TrainerReply) => void;
  readonly reject: (error: AnnealError) => void;
}

/** Much more than a message takes; a trainer that does not go by then never will. */
const closeLimitMs = 5_000;
/** It speaks every second, and its main thread runs no code of the recipe once it trains. */
const defaultSilenceLimitMs = 30_000;
const silenceFactorAtStart = 10;
/** Longer than any single step. */
const defaultStuckLimitMs = 1_800_000;
const watchIntervalMs = 1_000;
const logTailBytes = 16_384;

/**
 * Starts a trainer process. It ends itself when this process ends.
 *
 * @throws AnnealError TRAINER_CRASHED when it ends before it is ready
 */
export async function spawnTrainer(options: SpawnOptions): Promise<TrainerClient> {
  const { runDirectory, env = {}, idleMs, faults } = options;
  const logFile = options.logFile ?? join(runPathsAt(runDirectory).logs, "trainer.log");
  mkdirSync(dirname(logFile), { recursive: true });
  const log = openSync(logFile, "a");
  const logStart = statSync(logFile).size;
  const launcher = (options.launcher ?? process.env.ANNEAL_TRAINER_LAUNCHER ?? "").split(" ").filter(Boolean);
  const [execPath = process.execPath, ...beforeArguments] = [...launcher, process.execPath];
  const child = fork(fileURLToPath(new URL("./main.ts", import.meta.url)), [], {
    execPath,
    execArgv: [
      ...beforeArguments,
      ...recipeResolutionArguments(),
      "--disable-warning=ExperimentalWarning",
      // Otherwise every thread that strips types reserves 10 GB: where address space is limited, nothing would be left.
      "--disable-wasm-trap-handler",
    ],
    env: {
      ...process.env,
      ...(idleMs === undefined ? {} : { ANNEAL_TRAINER_IDLE_MS: String(idleMs) }),
      ...(faults === undefined ? {} : { ANNEAL_FAULT: faults }),
      ...env,
    },
    stdio: ["ignore", log, log, "ipc"],
    serialization: "advanced",
  });
  closeSync(log);
  const client = new TrainerClient(child, runDirectory, {
    logFile,
    logStart,
    silenceLimitMs: options.silenceLimitMs ?? defaultSilenceLimitMs,
    stuckLimitMs: options.stuckLimitMs ?? defaultStuckLimitMs,
  });
  await client.ready;
  return client;
}

interface ClientOptions {
  readonly logFile: string;
  /** Size of the log before this process. */
  readonly logStart: number;
  readonly silenceLimitMs: number;
  readonly stuckLimitMs: number;
}

/** The parent's side of a trainer process. */
export class TrainerClient {
  readonly runDirectory: string;
  readonly logFile: string;
  /** Resolves when the process has ended, however. */
  readonly exited: Promise<void>;
  /** Resolves when the process listens; rejects when it ended before. */
  readonly ready: Promise<void>;
  readonly #child: ChildProcess;
  readonly #oomKillsBefore = readOomKills();
  readonly #options: ClientOptions;
  #pending: Pending | null = null;
  #failure: AnnealError | null = null;
  /** When it was last looked at: a dead process cannot be asked. */
  #memory: ProcessMemory | null = null;
  /** Since the last message, while a request is pending. */
  #silentMs = 0;
  /** What the last progress said of how far the trainer is. */
  #lastSign = "";

  constructor(child: ChildProcess, runDirectory: string, options: ClientOptions) {
    this.#child = child;
    this.runDirectory = runDirectory;
    this.logFile = options.logFile;
    this.#options = options;
    const ready = Promise.withResolvers<void>();
    const exited = Promise.withResolvers<void>();
    this.ready = ready.promise;
    this.exited = exited.promise;
    child.on("message", (reply: TrainerReply) => {
      if (reply.type === "ready") ready.resolve();
      else this.#receive(reply);
    });
    const onEnd = (failure: AnnealError): void => {
      this.#failure ??= failure;
      this.#pending?.reject(this.#failure);
      this.#pending = null;
      ready.reject(this.#failure);
      exited.resolve();
    };
    child.on("error", (cause) => onEnd(notStarted(cause)));
    child.on("exit", (code, signal) => onEnd(this.#explain(code, signal)));
    // Whoever did not wait for it gets the failure with the first request.
    this.ready.catch(() => {});
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  get alive(): boolean {
    return this.#failure === null;
  }

  async prepare(input: PrepareInput, onProgress: OnProgress = ignore): Promise<PreparedRun> {
    const { runDirectory } = this;
    return (await this.#ask({ type: "prepare", runDirectory, input }, "prepared", onProgress)).result;
  }

  /** Trains a segment; `stopped` says that it ended because of `stop()`. */
  async segment(
    input: SegmentInput,
    onProgress: OnProgress = ignore,
  ): Promise<{ readonly result: SegmentResult; readonly stopped: boolean }> {
    const { runDirectory } = this;
    const { result, stopped } = await this.#ask({ type: "segment", runDirectory, input }, "segmentEnded", onProgress);
    return { result, stopped };
  }

  /** The next window of the run's topic; null where it is not full in good time, or because of `stop()`. */
  async openWindow(
    input: WindowInput,
    onProgress: OnProgress = ignore,
  ): Promise<{ readonly result: TopicBounds | null; readonly stopped: boolean }> {
    const { runDirectory } = this;
    const { result, stopped } = await this.#ask({ type: "window", runDirectory, input }, "windowOpened", onProgress);
    return { result, stopped };
  }

  async evaluate(input: EvaluateInput, onProgress: OnProgress = ignore): Promise<EvaluationResult> {
    const { runDirectory } = this;
    return (await this.#ask({ type: "evaluate", runDirectory, input }, "evaluated", onProgress)).result;
  }

  /** Metrics of a checkpoint (null: the newest) on a split (null: the test data, else the validation data). */
  async evaluateCheckpoint(
    checkpoint: string | null,
    split: DataSplit | null = null,
    onProgress: OnProgress = ignore,
  ): Promise<EvaluationResult> {
    const { runDirectory } = this;
    const request = { type: "evaluateCheckpoint", runDirectory, checkpoint, split } as const;
    return (await this.#ask(request, "evaluated", onProgress)).result;
  }

  async predict(checkpoint: string | null, samples: PredictionSamples): Promise<PredictionResult> {
    const { runDirectory } = this;
    return (await this.#ask({ type: "predict", runDirectory, checkpoint, samples }, "predicted", ignore)).result;
  }

  /** Exports the newest checkpoint into the run's folder, as a step of the run. */
  async export({ asked }: ExportInput, onProgress: OnProgress = ignore): Promise<ExportReport> {
    const { runDirectory } = this;
    const directory = join(runDirectory, "exports", `${asked.format}-${asked.precision}`);
    const request = { type: "export", runDirectory, checkpoint: null, spec: asked, directory } as const;
    return (await this.#ask(request, "exported", onProgress)).result;
  }

  async exportModel(checkpoint: string | null, spec: ExportSpec, directory: string): Promise<ExportReport> {
    const { runDirectory } = this;
    return (await this.#ask({ type: "export", runDirectory, checkpoint, spec, directory }, "exported", ignore)).result;
  }

  /** Opens the step of the run that this process has prepared. */
  async explain(): Promise<StepExplanation> {
    return (await this.#ask({ type: "explain" }, "explained", ignore)).result;
  }

  /** Asks a running segment to commit a checkpoint and end. */
  stop(): void {
    this.#send({ type: "stop" });
  }

  /** Ends the process at once. */
  kill(): void {
    this.#child.kill("SIGKILL");
  }

  /** Ends the process politely; resolves when it is gone. */
  async close(): Promise<void> {
    if (this.alive) this.#send({ type: "close" });
    const limit = setTimeout(() => this.kill(), closeLimitMs);
    await this.exited;
    clearTimeout(limit);
  }

  #ask<Type extends Answer>(request: TrainerRequest, expected: Type, onProgress: OnProgress): Promise<ReplyOf<Type>> {
    const { promise, resolve, reject } = Promise.withResolvers<TrainerReply>();
    if (this.#failure !== null) reject(this.#failure);
    else if (this.#pending !== null) reject(overlapping(request.type));
    else {
      const watch = this.#watchForHang();
      const settled = () => watch[Symbol.dispose]();
      promise.then(settled, settled);
      this.#pending = { expected, onProgress, resolve, reject };
      this.#send(request);
    }
    return promise as Promise<ReplyOf<Type>>;
  }

  /**
   * Ends a trainer that hangs. Counts its own ticks instead of reading the clock: after this process itself was stopped
   * for a while, the trainer's messages are still in the channel.
   */
  #watchForHang(): Disposable {
    const { silenceLimitMs, stuckLimitMs } = this.#options;
    let seen = "";
    let stuckMs = 0;
    this.#silentMs = 0;
    this.#lastSign = "";
    const intervalMs = Math.min(watchIntervalMs, silenceLimitMs);
    const timer = setInterval(() => {
      this.#memory = readProcessMemory(this.pid) ?? this.#memory;
      this.#silentMs += intervalMs;
      stuckMs = this.#lastSign === seen ? stuckMs + intervalMs : 0;
      seen = this.#lastSign;
      const isStarting = this.#lastSign === "" || this.#lastSign.startsWith("starting");
      const isSilent = this.#silentMs > silenceLimitMs * (isStarting ? silenceFactorAtStart : 1);
      if (!isSilent && stuckMs <= stuckLimitMs) return;
      this.#failure ??= hung(isSilent ? "said nothing" : "made no progress", this.logFile);
      this.kill();
    }, intervalMs);
    return { [Symbol.dispose]: () => clearInterval(timer) };
  }

  #send(request: TrainerRequest): void {
    // A channel that is closed is a process that ends: its exit answers what is pending.
    if (this.#child.connected) this.#child.send(request, () => {});
  }

  #receive(reply: TrainerReply): void {
    const pending = this.#pending;
    if (pending === null) return;
    this.#silentMs = 0;
    if (reply.type === "progress") {
      const { phase, step, note } = reply.progress;
      this.#lastSign = `${phase} ${step} ${note ?? ""} ${JSON.stringify(reply.progress.metrics)}`;
      pending.onProgress(reply.progress);
      return;
    }
    this.#pending = null;
    if (reply.type === "failed") pending.reject(fromRecord(reply.error));
    else if (reply.type === pending.expected) pending.resolve(reply);
    else pending.reject(overlapping(reply.type));
  }

  #explain(code: number | null, signal: NodeJS.Signals | null): AnnealError {
    const now = readOomKills();
    const before = this.#oomKillsBefore;
    const numOomKills = now === null || before === null ? null : now - before;
    const { logFile } = this;
    const [memory, granted, logTail] = [this.#memory, grantedMemory(), this.#logTail()];
    return explainExit({ code, signal, numOomKills, memory, granted, logTail, logFile });
  }

  /** What this process wrote, as far as it is at the end of the log: runs before it may have ended otherwise. */
  #logTail(): string {
    try {
      const written = readFileSync(this.logFile).subarray(this.#options.logStart);
      return written.subarray(Math.max(0, written.length - logTailBytes)).toString("utf8");
    } catch {
      return "";
    }
  }
}

function ignore(): void {}

function notStarted(cause: Error): AnnealError {
  return new AnnealError(
    "TRAINER_CRASHED",
    `the trainer process could not be started: ${cause.message}`,
    "Check that the machine has memory and processes left.",
    {},
    { cause },
  );
}

function hung(how: string, logFile: string): AnnealError {
  return new AnnealError(
    "TRAINER_HUNG",
    `the trainer ${how} for too long and was ended`,
    `The run goes on from its last checkpoint; look in ${logFile} if this happens again.`,
    { logFile },
  );
}

function overlapping(type: string): AnnealError {
  return new AnnealError(
    "INTERNAL",
    `a trainer does one thing at a time, and ${type} came in between`,
    "This is a defect of Anneal: please report it with the log.",
  );
}
