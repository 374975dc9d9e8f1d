import { AnnealError } from "@anneal/contracts";
import { findOnPath, runCommand } from "./command.ts";
import { compareVersions, installCommand } from "./platform.ts";

export const oldestPython = "3.9";

export interface Python {
  readonly path: string;
  readonly version: string;
  readonly pip: string | null;
}

/** The Python on the PATH and its pip, or null when there is none. */
export async function probePython(): Promise<Python | null> {
  const path = findOnPath("python3") ?? findOnPath("python");
  if (path === null) return null;
  const script =
    "import platform; print(platform.python_version())\ntry:\n import pip; print(pip.__version__)\nexcept ImportError: pass";
  const { status, stdout } = await runCommand(path, ["-c", script]);
  if (status !== 0) return null;
  const [version = "0", pip = ""] = stdout.trim().split("\n");
  return { path, version, pip: pip || null };
}

/** What is wrong with the Python of this machine, or null. */
export function pythonProblem(python: Python | null): AnnealError | null {
  if (python === null) return missing("Python 3 was not found on the PATH.", "none");
  if (compareVersions(python.version, oldestPython) < 0) {
    return missing(`Python ${python.version} is too old: ${oldestPython} or newer is needed.`, python.version);
  }
  if (python.pip === null) return missing(`Python ${python.version} at ${python.path} has no pip.`, python.version);
  return null;
}

/** The path of a Python that can download wheels. Throws TOOL_MISSING. */
export async function findPython(): Promise<string> {
  const python = await probePython();
  const problem = pythonProblem(python);
  if (problem !== null || python === null) throw problem;
  return python.path;
}

function missing(message: string, found: string): AnnealError {
  const command = installCommand({ debian: "python3 python3-pip", fedora: "python3 python3-pip" });
  return new AnnealError("TOOL_MISSING", message, `Install it: ${command}`, {
    tool: "python3",
    found,
    needed: oldestPython,
  });
}
