import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { searchAttributes } from "@anneal/contracts";
import { ensureTemporalCli } from "@anneal/provision";
import { cacheDirectory } from "@anneal/runtime";
import type { Client } from "@temporalio/client";
import { TestWorkflowEnvironment } from "@temporalio/testing";
import { type RunningWorker, startWorker } from "../start-worker.ts";
import type { Script } from "./scripted-trainer.ts";

/** A real server and a real worker, whose trainers do what their run's script says. */
export class ScriptedStack {
  /** By run id; those of runs not named yet are asked for when their trainer starts. */
  readonly scripts = new Map<string, Script>();
  readonly home: string;
  readonly #environment: TestWorkflowEnvironment;
  #worker: RunningWorker | null = null;

  private constructor(environment: TestWorkflowEnvironment, home: string) {
    this.#environment = environment;
    this.home = home;
  }

  static async start(): Promise<ScriptedStack> {
    const home = mkdtempSync(join(tmpdir(), "anneal-scripted-"));
    const { path } = await ensureTemporalCli({ log: () => {} });
    const environment = await TestWorkflowEnvironment.createLocal({
      server: {
        executable: { type: "existing-path", path },
        searchAttributes: Object.entries(searchAttributes).map(([name, type]) => ({ name, type })),
      },
    });
    process.env.TEMPORAL_ADDRESS = environment.address;
    const stack = new ScriptedStack(environment, home);
    await stack.startWorker();
    return stack;
  }

  get client(): Client {
    return this.#environment.client;
  }

  async startWorker({ numTrainers = 1 } = {}): Promise<void> {
    this.#worker = await startWorker({
      cacheDirectory: cacheDirectory(),
      home: this.home,
      numTrainers,
      spawnTrainer: async (runId) => (this.scripts.get(runId) as Script).spawn(),
      onReady: () => {},
    });
  }

  async stopWorker(): Promise<void> {
    this.#worker?.shutdown();
    await this.#worker?.stopped;
  }

  async stop(): Promise<void> {
    await this.stopWorker();
    await this.#environment.teardown();
    rmSync(this.home, { recursive: true, force: true });
  }
}
