import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

export interface CommandEnd {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** `stdout` as the one JSON document of `--json`. */
  json(): unknown;
}

const main = fileURLToPath(new URL("../main.ts", import.meta.url));

/** Runs the real command line in a process of its own. Variables of the outside that would lead elsewhere are dropped. */
export function runAnneal(args: readonly string[], env: Readonly<Record<string, string>>): Promise<CommandEnd> {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith("TEMPORAL_"));
  const child = spawn(process.execPath, [main, ...args], {
    env: { ...Object.fromEntries(inherited), ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk) => {
    stdout += String(chunk);
  });
  child.stderr.on("data", (chunk) => {
    stderr += String(chunk);
  });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (exitCode) => {
      resolve({ exitCode, stdout, stderr, json: () => JSON.parse(stdout) });
    });
  });
}
