import { spawn } from "node:child_process";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { openCheckpointStore } from "@anneal/checkpoint";
import type { BenchScope } from "../harness/bench.ts";
import { processorSeconds } from "./process-usage.ts";

const main = fileURLToPath(new URL("../../../../apps/cli/src/main.ts", import.meta.url));
/** Fine against what is timed with it: seconds. */
const pollMs = 5;
const sampleMs = 100;

interface Measured {
  readonly document: Record<string, unknown>;
  readonly processor: number;
}

/** The local stack in a home of its own, driven by the `anneal` command as a person does. */
export class Stack {
  readonly home: string;
  readonly #env: NodeJS.ProcessEnv;

  constructor(scope: BenchScope, env: Readonly<Record<string, string>> = {}) {
    this.home = scope.temporaryDirectory();
    // A server named in the environment is not the one to measure.
    const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith("TEMPORAL_"));
    this.#env = { ...Object.fromEntries(inherited), ...env, ANNEAL_HOME: this.home };
    scope.defer(() => this.down());
  }

  /** Starts the stack; the pids of its server and its worker. */
  async up(): Promise<{ readonly server: number; readonly worker: number }> {
    const { pids } = (await this.anneal("up")) as {
      readonly pids?: { readonly server: number; readonly worker: number };
    };
    if (pids === undefined) throw new Error("anneal up named no pids");
    return pids;
  }

  async down(): Promise<void> {
    await this.anneal("down");
  }

  /** Runs a command to its end and returns the document of `--json`. */
  async anneal(...args: readonly string[]): Promise<Record<string, unknown>> {
    return (await this.measure(...args)).document;
  }

  /** Runs a command, and tells its processor time in seconds from when it said that its run has started. */
  async measure(...args: readonly string[]): Promise<Measured> {
    const child = spawn(process.execPath, [main, ...args, "--json"], {
      env: this.#env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
      if (startupSeconds === null && /^run .* started/m.test(stderr)) startupSeconds = lastSeconds = sample(child.pid);
    });
    let startupSeconds: number | null = null;
    let lastSeconds = 0;
    const sampling = setInterval(() => {
      lastSeconds = Math.max(lastSeconds, sample(child.pid));
    }, sampleMs);
    const exitCode = await new Promise<number | null>((resolve, reject) => {
      child.once("error", reject).once("close", resolve);
    }).finally(() => clearInterval(sampling));
    if (exitCode !== 0) throw new Error(`anneal ${args.join(" ")} ended with ${exitCode}: ${stderr.slice(-2_000)}`);
    return {
      document: JSON.parse(stdout) as Record<string, unknown>,
      processor: lastSeconds - (startupSeconds ?? 0),
    };
  }

  /** Milliseconds from the `train` command until its first step is done and on disk. */
  async timeToFirstStep(runId: string, ...args: readonly string[]): Promise<number> {
    const store = openCheckpointStore(join(this.home, "runs", runId));
    const startedAt = performance.now();
    const ended = new AbortController();
    const command = this.anneal("train", "mnist", "--run-id", runId, "--max-steps", "1", ...args).finally(() =>
      ended.abort(),
    );
    let firstStepMs: number | null = null;
    while (firstStepMs === null && !ended.signal.aborted) {
      await delay(pollMs);
      if ((await store.list()).some(({ step }) => step === 1)) firstStepMs = performance.now() - startedAt;
    }
    await command;
    if (firstStepMs === null) throw new Error(`run ${runId} ended without its first step`);
    return firstStepMs;
  }
}

/** A process that has just ended has no number any more: the one before counts. */
function sample(pid: number | undefined): number {
  try {
    return processorSeconds(pid ?? 0);
  } catch {
    return 0;
  }
}
