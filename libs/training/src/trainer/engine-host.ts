import { Worker } from "node:worker_threads";
import { AnnealError, fromRecord, isOutOfMemory, type Threads } from "@anneal/contracts";
import { outOfMemory } from "../engine/failures.ts";
import type { LoopReport, LoopSnapshot } from "../loop/run-loop.ts";
import {
  controlWord,
  type EngineCallName,
  type EngineCalls,
  type EngineMessage,
  type EngineRequest,
  type EngineThreadData,
  numControlWords,
} from "./engine-protocol.ts";

/** What an engine thread tells while a call runs. */
export interface EngineEvents {
  /** Must resolve when the snapshot is written, or reject: then the loop is ended. */
  readonly onSnapshot: (snapshot: LoopSnapshot) => Promise<void>;
  readonly onReport: (report: LoopReport) => void;
  readonly onEvaluated: (numSamples: number) => void;
  /** The thread is gone without having been asked to. Nothing pending will be answered. */
  readonly onLost: (cause: AnnealError) => void;
}

interface Pending {
  readonly resolve: (output: unknown) => void;
  readonly reject: (error: AnnealError) => void;
}

/** The main thread's side of the engine thread. Never blocks. */
export class EngineHost {
  readonly #worker: Worker;
  readonly #control: Int32Array;
  readonly #events: EngineEvents;
  readonly #pending = new Map<number, Pending>();
  #nextId = 1;
  #closing = false;
  /** Snapshots are written one after another; the first failure is kept, since the loop only hears "abort". */
  #writing: Promise<void> = Promise.resolve();
  #writeFailure: unknown = null;

  constructor(threads: Threads, events: EngineEvents) {
    this.#events = events;
    const control = new SharedArrayBuffer(4 * numControlWords);
    this.#control = new Int32Array(control);
    const workerData: EngineThreadData = { control, threads };
    this.#worker = new Worker(new URL("./engine-thread.ts", import.meta.url), { workerData });
    this.#worker.on("message", (message: EngineMessage) => this.#receive(message));
    this.#worker.on("error", (cause) => this.#lose(cause));
    this.#worker.on("exit", (code) => this.#lose(new Error(`the engine thread exited with code ${code}`)));
  }

  call<Name extends EngineCallName>(
    call: Name,
    input: EngineCalls[Name]["input"],
    transfer: readonly ArrayBuffer[] = [],
  ): Promise<EngineCalls[Name]["output"]> {
    const id = this.#nextId++;
    const { promise, resolve, reject } = Promise.withResolvers<EngineCalls[Name]["output"]>();
    this.#pending.set(id, { resolve: (output) => resolve(output as EngineCalls[Name]["output"]), reject });
    this.#worker.postMessage({ id, call, input } as EngineRequest, [...transfer]);
    return promise;
  }

  /** Runs the loop; resolves when all of its snapshots are written. Throws what ended the writing, if that failed. */
  async run(input: EngineCalls["run"]["input"]): Promise<EngineCalls["run"]["output"]> {
    Atomics.store(this.#control, controlWord.abort, 0);
    this.#writeFailure = null;
    const [outcome] = await Promise.allSettled([this.call("run", input)]);
    await this.#writing;
    if (this.#writeFailure !== null) throw this.#writeFailure;
    if (outcome.status === "rejected") throw outcome.reason;
    return outcome.value;
  }

  /** Asks a running loop to end at its next border; in force until `clearStop`. */
  requestStop(): void {
    Atomics.store(this.#control, controlWord.stop, 1);
  }

  clearStop(): void {
    Atomics.store(this.#control, controlWord.stop, 0);
  }

  async close(): Promise<void> {
    this.#closing = true;
    Atomics.store(this.#control, controlWord.abort, 1);
    Atomics.notify(this.#control, controlWord.numWritten);
    await this.#worker.terminate();
  }

  #receive(message: EngineMessage): void {
    switch (message.type) {
      case "report":
        this.#events.onReport(message.report);
        break;
      case "evaluated":
        this.#events.onEvaluated(message.numSamples);
        break;
      case "snapshot":
        this.#writing = this.#writing.then(() => this.#write(message.snapshot));
        break;
      case "result":
        this.#settle(message.id)?.resolve(message.output);
        break;
      case "failed":
        this.#settle(message.id)?.reject(fromRecord(message.error));
        break;
    }
  }

  async #write(snapshot: LoopSnapshot): Promise<void> {
    try {
      if (this.#writeFailure === null) await this.#events.onSnapshot(snapshot);
    } catch (cause) {
      this.#writeFailure = cause;
      Atomics.store(this.#control, controlWord.abort, 1);
    } finally {
      Atomics.add(this.#control, controlWord.numWritten, 1);
      Atomics.notify(this.#control, controlWord.numWritten);
    }
  }

  #settle(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    return pending;
  }

  #lose(cause: unknown): void {
    if (this.#closing) return;
    this.#closing = true;
    const error = isOutOfMemory(cause) ? outOfMemory("the engine thread", cause) : threadLost(cause);
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
    this.#events.onLost(error);
  }
}

function threadLost(cause: unknown): AnnealError {
  const message = cause instanceof Error ? cause.message : String(cause);
  return new AnnealError(
    "TRAINER_CRASHED",
    `the engine thread ended: ${message}`,
    "The run goes on from its last checkpoint; look in the trainer's log if this happens again.",
    {},
    { cause },
  );
}
