import { spawn } from "node:child_process";
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, isAbsolute, join } from "node:path";

export interface CommandResult {
  /** Exit status, or null when a signal ended it. */
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command to its end and returns what it wrote. Rejects only when it cannot be started. */
export function runCommand(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env, stdio: ["ignore", "pipe", "pipe"] });
    const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []];
    child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
    // Where we end in good order, the child ends too; what an orphan writes lies in a directory that the next start removes.
    const end = () => child.kill("SIGTERM");
    process.once("exit", end);
    child.on("error", (cause) => {
      process.off("exit", end);
      reject(cause);
    });
    child.on("close", (status) => {
      process.off("exit", end);
      resolve({ status, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() });
    });
  });
}

/** The path of an executable of this name on the PATH, or null. */
export function findOnPath(name: string, env: NodeJS.ProcessEnv = process.env): string | null {
  const candidates = isAbsolute(name) ? [name] : (env.PATH ?? "").split(delimiter).map((part) => join(part, name));
  return candidates.find(isExecutable) ?? null;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** The last lines of a command's output: enough to see why it failed. */
export function lastLines(text: string, numLines = 6): string {
  return text.trimEnd().split("\n").slice(-numLines).join("\n");
}
