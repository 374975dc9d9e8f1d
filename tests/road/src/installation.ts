import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ErrorRecord, RunStatus } from "@anneal/contracts";
import { processAlive, waitFor } from "@anneal/testing";

const command = fileURLToPath(new URL("../../../apps/cli/src/main.ts", import.meta.url));

/** How a command ended. */
export interface Ended {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The document of every command about a run. */
export interface RunDocument {
  readonly runId: string;
  readonly status: RunStatus;
  readonly step: number;
  readonly epoch: number;
  readonly metrics: Readonly<Record<string, number>>;
  readonly checkpoint: { readonly path: string; readonly digest: string } | null;
  readonly uiUrl: string;
  readonly pids?: { readonly worker: number | null; readonly trainer: number | null };
}

/** `up.json`. */
interface StackDocument {
  readonly supervisor: { readonly pid: number };
  readonly server: { readonly pid: number } | null;
  readonly worker: { readonly pid: number } | null;
  readonly address: string;
  readonly uiUrl: string;
}

/** An `ANNEAL_HOME` of its own, used only through the `anneal` command, as a person would. */
export class Installation {
  readonly home: string;
  readonly env: NodeJS.ProcessEnv;

  constructor(env: NodeJS.ProcessEnv = {}) {
    this.home = mkdtempSync(join(tmpdir(), "anneal-road-"));
    this.env = { ...process.env, ANNEAL_HOME: this.home, TEMPORAL_ADDRESS: undefined, ...env };
  }

  start(...args: readonly string[]): ChildProcess & { readonly ended: Promise<Ended> } {
    const child = spawn(process.execPath, [command, ...args], {
      env: this.env,
      stdio: ["ignore", "pipe", "pipe"],
      cwd: this.home,
    });
    const output = { stdout: "", stderr: "" };
    child.stdout.on("data", (chunk) => {
      output.stdout += String(chunk);
    });
    child.stderr.on("data", (chunk) => {
      output.stderr += String(chunk);
    });
    const { promise, resolve, reject } = Promise.withResolvers<Ended>();
    child.once("error", reject);
    child.once("close", (exitCode) => resolve({ exitCode, ...output }));
    return Object.assign(child, { ended: promise });
  }

  run(...args: readonly string[]): Promise<Ended> {
    return this.start(...args).ended;
  }

  /** Runs a command that must succeed, and returns its one JSON document. */
  async json<T>(...args: readonly string[]): Promise<T> {
    const { exitCode, stdout, stderr } = await this.run(...args, "--json");
    if (exitCode !== 0) throw new Error(`anneal ${args.join(" ")} ended with ${exitCode}:\n${stdout}\n${stderr}`);
    return JSON.parse(stdout) as T;
  }

  /** Runs a command that must fail with one JSON document that says why. */
  async failure(...args: readonly string[]): Promise<ErrorRecord & { readonly exitCode: number | null }> {
    const { exitCode, stdout, stderr } = await this.run(...args, "--json");
    if (exitCode === 0) throw new Error(`anneal ${args.join(" ")} succeeded:\n${stdout}\n${stderr}`);
    return { ...(JSON.parse(stdout) as { error: ErrorRecord }).error, exitCode };
  }

  status(runId: string): Promise<RunDocument> {
    return this.json<RunDocument>("status", runId);
  }

  /** Trains attached, to the end. */
  train(recipe: string, runId: string, ...args: readonly string[]): Promise<RunDocument> {
    return this.json<RunDocument>("train", recipe, "--run-id", runId, ...args);
  }

  /** Starts a training in the background. */
  detach(recipe: string, runId: string, ...args: readonly string[]): Promise<RunDocument> {
    return this.json<RunDocument>("train", recipe, "--run-id", runId, "--detach", ...args);
  }

  /** Waits until the run has ended and returns its last state. */
  async finished(runId: string): Promise<RunDocument> {
    await this.run("watch", runId, "--json");
    return this.status(runId);
  }

  stack(): StackDocument {
    return JSON.parse(readFileSync(join(this.home, "up.json"), "utf8")) as StackDocument;
  }

  /** Kills a process at once, as a crash would, and waits until it is gone. */
  async kill(pid: number): Promise<void> {
    process.kill(pid, "SIGKILL");
    await waitFor(() => !processAlive(pid), { what: `the end of ${pid}` });
  }

  /** Stops everything; fails if a process stays behind. */
  async close(): Promise<void> {
    await this.run("down");
    rmSync(this.home, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  }
}
