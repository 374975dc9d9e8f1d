import { spawn } from "node:child_process";
import { join } from "node:path";

const script = join(import.meta.dirname, "committer.ts");

export interface CommitterOptions {
  readonly runDirectory: string;
  readonly attempt: number;
  readonly firstStep: number;
  readonly lastStep: number;
  readonly keepLast?: number;
  readonly env?: Readonly<Record<string, string>>;
  /** Largest file it may write, in KiB: the kernel's own limit. */
  readonly fileLimitKib?: number;
}

export interface CommitterResult {
  readonly signal: NodeJS.Signals | null;
  /** Null when it was killed before it could say. */
  readonly report: { readonly steps: readonly number[]; readonly code: string | null } | null;
}

/** Runs `committer.ts` to its end. */
export function runCommitter(options: CommitterOptions): Promise<CommitterResult> {
  const { runDirectory, attempt, firstStep, lastStep, keepLast, env, fileLimitKib } = options;
  const numbers = [attempt, firstStep, lastStep, ...(keepLast === undefined ? [] : [keepLast])].map(String);
  const limit = fileLimitKib === undefined ? "" : `ulimit -f ${fileLimitKib} && `;
  const command = ["-c", `${limit}exec "$0" "$@"`, process.execPath, script, runDirectory, ...numbers];
  // bash: its `ulimit -f` counts KiB, that of other shells half as much.
  const child = spawn("bash", command, {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (_code, signal) => resolve({ signal, report: output === "" ? null : JSON.parse(output) }));
  });
}
