import { mkdirSync } from "node:fs";
import { AnnealError } from "@anneal/contracts";
import type { Connection } from "@temporalio/client";
import { connectTo, type Endpoint, environmentEndpoint, localEndpoint, localNamespace } from "../temporal/endpoint.ts";
import { ensureSearchAttributes } from "../temporal/search-attributes.ts";
import { KeptProcess } from "./kept-process.ts";
import { endLeftovers } from "./leftovers.ts";
import { acquireLock, type SupervisorLock } from "./lock.ts";
import { tailOf } from "./log-file.ts";
import { choosePorts, type StackPorts } from "./ports.ts";
import { bootId, descendants, identify, signalProcess } from "./processes.ts";
import { serverLogPath, spawnServer, waitForServer } from "./server-process.ts";
import { removeStackState, type StackState, writeStackState } from "./state.ts";
import { spawnWorker, waitForWorker, workerLogPath } from "./worker-process.ts";

export interface SupervisorOptions {
  readonly home: string;
  /** Path of the Temporal CLI; asked for only when a local server is needed. */
  temporalPath(): Promise<string>;
  log(line: string): void;
}

/** A worker hands its runs over after a checkpoint; a large model may take a while to write. */
const workerGraceMs = 75_000;
const serverGraceMs = 10_000;

/**
 * The local stack: a Temporal server (unless the environment names one) and a worker, kept alive until `stop`.
 *
 * `start` refuses when another supervisor serves the same home, ends what a killed one left behind, and keeps
 * `up.json` true from the first process on.
 */
export class Supervisor {
  readonly #options: SupervisorOptions;
  #lock: SupervisorLock | null = null;
  #server: KeptProcess | null = null;
  #worker: KeptProcess | null = null;
  #state: StackState | null = null;
  #stopping: Promise<void> | null = null;

  constructor(options: SupervisorOptions) {
    this.#options = options;
  }

  /** Starts everything; resolves when runs can be started. Null when another supervisor has this home already. */
  async start(): Promise<StackState | null> {
    const { home } = this.#options;
    mkdirSync(home, { recursive: true });
    this.#lock = await acquireLock(home);
    if (!this.#lock) return null;
    try {
      await endLeftovers(home, this.#options.log);
      const environment = environmentEndpoint();
      const endpoint = environment ? await this.#useServer(environment) : await this.#startServer();
      await this.#startWorker(endpoint);
      return this.#update({ status: "ready" });
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** Ends the worker (which saves its runs first), then the server. Nothing is left behind. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  /** Ends everything at once, without a checkpoint. Synchronous: for a person who does not want to wait any more. */
  kill(): void {
    for (const identity of [this.#worker?.identity, this.#server?.identity]) {
      if (!identity) continue;
      for (const child of descendants(identity.pid)) signalProcess(child, "SIGKILL");
      signalProcess(identity, "SIGKILL");
    }
    if (this.#state) removeStackState(this.#options.home);
  }

  async #stop(): Promise<void> {
    if (!this.#lock) return;
    if (this.#state) this.#update({ status: "stopping" });
    await this.#worker?.stop();
    await this.#server?.stop();
    this.#state = null;
    removeStackState(this.#options.home);
    await this.#lock.release();
  }

  async #useServer(endpoint: Endpoint): Promise<Endpoint> {
    this.#options.log(`connecting to ${endpoint.address}`);
    const connection: Connection = await connectTo(endpoint);
    try {
      await ensureSearchAttributes(connection, endpoint.namespace);
    } finally {
      await connection.close();
    }
    this.#options.log(`uses the Temporal server at ${endpoint.address}`);
    this.#begin("remote", endpoint);
    return endpoint;
  }

  async #startServer(): Promise<Endpoint> {
    const { home } = this.#options;
    const temporalPath = await this.#options.temporalPath();
    const namespace = localNamespace();
    let ports = await this.#ports();
    let wasReady = false;
    const endpoint = (): Endpoint =>
      localEndpoint({
        address: `127.0.0.1:${ports.server}`,
        namespace,
        uiUrl: `http://localhost:${ports.ui}`,
      });
    this.#begin("local", endpoint());
    this.#server = new KeptProcess({
      name: "Temporal server",
      graceMs: serverGraceMs,
      spawn: async () => {
        // Once clients know the ports, a restart keeps them; before, somebody else may just have taken one.
        if (!wasReady) ports = await this.#ports(ports);
        const { address, uiUrl } = endpoint();
        this.#update({ address, uiUrl });
        return spawnServer({ temporalPath, home, namespace, ports });
      },
      waitUntilReady: async (_child, signal) => {
        await waitForServer(endpoint(), signal);
        wasReady = true;
      },
      onChange: ({ what, detail }) => this.#record("server", what, detail),
      lastWords: () => tailOf(serverLogPath(home), 3),
    });
    await this.#server.start();
    return endpoint();
  }

  async #startWorker(endpoint: Endpoint): Promise<void> {
    const { home } = this.#options;
    this.#worker = new KeptProcess({
      name: "worker",
      graceMs: workerGraceMs,
      spawn: () => spawnWorker(home, endpoint),
      waitUntilReady: waitForWorker,
      onChange: ({ what, detail }) => this.#record("worker", what, detail),
      lastWords: () => tailOf(workerLogPath(home), 3),
    });
    await this.#worker.start();
  }

  async #ports(preferred?: StackPorts): Promise<StackPorts> {
    const { ports, notes } = await choosePorts(preferred);
    for (const note of notes) this.#options.log(note);
    return ports;
  }

  #begin(mode: StackState["mode"], { address, namespace, uiUrl }: Endpoint): void {
    const supervisor = identify(process.pid);
    if (!supervisor) throw new AnnealError("STACK_FAILED", "This process cannot see itself in /proc.", "Mount /proc.");
    this.#state = {
      version: 1,
      bootId: bootId(),
      status: "starting",
      mode,
      address,
      namespace,
      uiUrl,
      supervisor,
      server: null,
      worker: null,
      restarts: { server: 0, worker: 0 },
      startedAt: new Date().toISOString(),
    };
    writeStackState(this.#options.home, this.#state);
  }

  #record(part: "server" | "worker", what: string, detail: string): void {
    this.#options.log(`${part} ${what} (${detail})`);
    this.#update({});
  }

  /** Writes the state anew with the processes as they are now. */
  #update(change: Partial<StackState>): StackState {
    if (!this.#state) throw new Error("the stack's state was changed before it began or after it ended");
    this.#state = {
      ...this.#state,
      ...change,
      server: this.#server?.identity ?? null,
      worker: this.#worker?.identity ?? null,
      restarts: { server: this.#server?.numRestarts ?? 0, worker: this.#worker?.numRestarts ?? 0 },
    };
    writeStackState(this.#options.home, this.#state);
    return this.#state;
  }
}
