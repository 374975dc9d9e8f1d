import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const anneal = fileURLToPath(new URL("../../../../apps/cli/src/main.ts", import.meta.url));
const topics = fileURLToPath(new URL("../../../../tools/topics/src/main.ts", import.meta.url));

/** The `anneal` command on a home of its own, as a person uses it. */
export class CommandLine implements AsyncDisposable {
  readonly #env: NodeJS.ProcessEnv;

  constructor(home: string, env: NodeJS.ProcessEnv = {}) {
    this.#env = { ...process.env, ANNEAL_HOME: home, TEMPORAL_ADDRESS: undefined, ...env };
  }

  /** Runs a command to its end and gives its document. Throws what it says where it fails. */
  async run<T = Readonly<Record<string, unknown>>>(...args: readonly string[]): Promise<T> {
    const child = this.start(...args);
    const output = { stdout: "", stderr: "" };
    child.stdout!.on("data", (chunk) => {
      output.stdout += String(chunk);
    });
    child.stderr!.on("data", (chunk) => {
      output.stderr += String(chunk);
    });
    const [code] = (await once(child, "close")) as [number | null];
    if (code !== 0) throw new Error(`anneal ${args.join(" ")} ended with ${code}: ${output.stdout}\n${output.stderr}`);
    return JSON.parse(output.stdout) as T;
  }

  start(...args: readonly string[]): ChildProcess {
    return spawn(process.execPath, [anneal, ...args, "--json"], { env: this.#env, stdio: ["ignore", "pipe", "pipe"] });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await once(this.start("down"), "close");
  }
}

/** Fills a topic, by the tool for it; ended when it is disposed of. */
export function fillTopic(...args: readonly string[]): ChildProcess {
  return spawn(process.execPath, [topics, ...args], { stdio: ["ignore", "inherit", "inherit"] });
}
