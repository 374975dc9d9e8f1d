import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { AnnealError } from "@anneal/contracts";
import { endProcess, identify, type ProcessIdentity } from "./processes.ts";

/** A process that should always run. */
export interface KeptProcessOptions {
  readonly name: string;
  spawn(): ChildProcess | Promise<ChildProcess>;
  /** Resolves once the process is of use. Aborted when the process ends before. */
  waitUntilReady(child: ChildProcess, signal: AbortSignal): Promise<void>;
  /** How long it may take to end after SIGTERM. */
  readonly graceMs: number;
  /** Told of every start, readiness and death. */
  onChange(change: { readonly what: "started" | "ready" | "died"; readonly detail: string }): void;
  /** The last lines of the process's log: what a person needs when it does not come up. */
  lastWords(): string;
}

const firstBackoffMs = 200;
const backoffCeilingMs = 15_000;
/** A process that lived this long starts its back-off anew. */
const stableMs = 60_000;
/** Deaths before it was ever ready: after these, it is broken rather than unlucky. */
const maxFailedStarts = 3;

/**
 * Starts a process and starts it again, with back-off, whenever it dies.
 *
 * Decision: the supervisor of the local stack restarts a dead worker or server; nothing else does. In production the
 * same job is the container platform's.
 */
export class KeptProcess {
  readonly #options: KeptProcessOptions;
  readonly #stopping = new AbortController();
  #identity: ProcessIdentity | null = null;
  #loop: Promise<void> = Promise.resolve();
  #numRestarts = 0;

  constructor(options: KeptProcessOptions) {
    this.#options = options;
  }

  get identity(): ProcessIdentity | null {
    return this.#identity;
  }

  get numRestarts(): number {
    return this.#numRestarts;
  }

  /** Resolves when the process is ready for the first time. Throws STACK_FAILED when it does not come up. */
  start(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#loop = this.#keep(resolve).then(() => reject(this.#stoppedEarly()), reject);
    return promise;
  }

  /** Ends the process for good: SIGTERM, its grace, SIGKILL. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    if (this.#identity) await endProcess(this.#identity, this.#options.graceMs);
    await this.#loop;
    this.#identity = null;
  }

  async #keep(onFirstReady: () => void): Promise<void> {
    const { signal } = this.#stopping;
    let wasReady = false;
    let numDeathsInARow = 0;
    while (!signal.aborted) {
      const startedAtMs = Date.now();
      const { how, error } = await this.#runOnce(() => {
        wasReady = true;
        onFirstReady();
      });
      if (signal.aborted) return;
      numDeathsInARow = Date.now() - startedAtMs > stableMs ? 1 : numDeathsInARow + 1;
      if (!wasReady && error) throw error;
      if (!wasReady && numDeathsInARow >= maxFailedStarts) throw this.#brokenStart(how);
      this.#numRestarts += 1;
      this.#options.onChange({ what: "died", detail: how });
      const pauseMs = Math.min(backoffCeilingMs, firstBackoffMs * 2 ** (numDeathsInARow - 1));
      await delay(pauseMs, undefined, { signal }).catch(() => {});
    }
  }

  /** One life of the process: how it ended, and why it was never ready if it was ended for that. */
  async #runOnce(onReady: () => void): Promise<{ readonly how: string; readonly error: AnnealError | null }> {
    const child = await this.#options.spawn();
    const ended = once(child, "exit").then(
      ([code, signal]) => (signal ? `killed by ${signal}` : `exit code ${code}`),
      (error: unknown) => `could not be started: ${error instanceof Error ? error.message : String(error)}`,
    );
    this.#identity = child.pid === undefined ? null : identify(child.pid);
    this.#options.onChange({ what: "started", detail: `pid ${child.pid}` });
    if (this.#stopping.signal.aborted && this.#identity) void endProcess(this.#identity, this.#options.graceMs);

    const lifetime = new AbortController();
    void ended.then(() => lifetime.abort());
    const becomeReady = this.#options.waitUntilReady(child, lifetime.signal).then(
      () => {
        if (lifetime.signal.aborted) return null;
        this.#options.onChange({ what: "ready", detail: `pid ${child.pid}` });
        onReady();
        return null;
      },
      (error: unknown) => {
        if (lifetime.signal.aborted) return null; // it died: that is the news
        child.kill("SIGKILL");
        return error instanceof AnnealError ? error : null;
      },
    );
    const how = await ended;
    const error = await becomeReady;
    this.#identity = null;
    return { how, error };
  }

  #stoppedEarly(): AnnealError {
    const { name } = this.#options;
    return new AnnealError("STACK_FAILED", `The ${name} was stopped before it was ready.`, "Start again: anneal up");
  }

  #brokenStart(how: string): AnnealError {
    const { name, lastWords } = this.#options;
    return new AnnealError(
      "STACK_FAILED",
      `The ${name} does not start (${how}). ${lastWords()}`,
      "Run anneal doctor to see what is missing; its log says more.",
      { process: name },
    );
  }
}
