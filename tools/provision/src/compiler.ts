import { AnnealError } from "@anneal/contracts";
import { findOnPath, runCommand } from "./command.ts";
import { installCommand } from "./platform.ts";

export interface Compiler {
  readonly command: readonly string[];
  readonly version: string;
}

/** The C++ compiler: `CXX` (may hold arguments, like `ccache g++`), else `g++`, `clang++` or `c++`; null when none. */
export async function probeCompiler(env: NodeJS.ProcessEnv = process.env): Promise<Compiler | null> {
  const candidates = env.CXX ? [env.CXX.trim().split(/\s+/)] : [["g++"], ["clang++"], ["c++"]];
  for (const [name = "", ...args] of candidates) {
    const path = findOnPath(name, env);
    if (path === null) continue;
    const { status, stdout } = await runCommand(path, [...args, "--version"], env);
    if (status === 0) return { command: [path, ...args], version: stdout.split("\n")[0] ?? "" };
  }
  return null;
}

/** The C++ compiler of this machine. Throws TOOL_MISSING. */
export async function findCompiler(): Promise<Compiler> {
  const compiler = await probeCompiler();
  if (compiler === null) throw compilerMissing();
  return compiler;
}

export function compilerMissing(): AnnealError {
  const wanted = process.env.CXX;
  return new AnnealError(
    "TOOL_MISSING",
    wanted ? `The C++ compiler that CXX names was not found: ${wanted}` : "No C++ compiler was found on the PATH.",
    `Install one: ${installCommand({ debian: "g++", fedora: "gcc-c++" })}`,
    { tool: "g++", needed: "C++17" },
  );
}
