import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { tempAnnealHome } from "@anneal/testing";

const main = fileURLToPath(new URL("../main.ts", import.meta.url));

export interface BenchEnd {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Files and processes that it left behind. */
  readonly leftovers: readonly string[];
}

/** Runs the real command in a process of its own, with a directory for temporary files of its own. */
export async function runBench(...args: readonly string[]): Promise<BenchEnd> {
  using directory = tempAnnealHome();
  const env = { ...process.env, TMPDIR: directory.path };
  const end = await new Promise<Omit<BenchEnd, "leftovers">>((resolve) => {
    const child = execFile(process.execPath, [main, ...args], { env }, (_error, stdout, stderr) => {
      resolve({ exitCode: child.exitCode, stdout, stderr });
    });
  });
  return { ...end, leftovers: [...readdirSync(directory.path), ...processesNaming(directory.path)] };
}

/** Processes with a text in their environment: everything that a bench starts inherits its `TMPDIR`. */
function processesNaming(text: string): string[] {
  return readdirSync("/proc").filter((pid) => {
    if (!/^[0-9]+$/.test(pid)) return false;
    try {
      return readFileSync(`/proc/${pid}/environ`, "latin1").includes(text);
    } catch {
      return false; // gone, or somebody else's
    }
  });
}
