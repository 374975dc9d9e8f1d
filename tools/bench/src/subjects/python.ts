import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { AnnealError } from "@anneal/contracts";
import { cacheDirectory } from "@anneal/runtime";
import type { BenchScope } from "../harness/bench.ts";
import type { ProcessCommand } from "./talking-process.ts";

const directory = fileURLToPath(new URL("../../python/", import.meta.url));
const run = promisify(execFile);

/** Makes commands of scripts in `python/`, in an environment with the pinned peers that is made when it is first asked for. */
export async function pythonCommands(scope: BenchScope): Promise<(script: string) => ProcessCommand> {
  const file = await ensureEnvironment(scope);
  return (script) => ({ file, args: [join(directory, script)], env });
}

const env: NodeJS.ProcessEnv = {
  ...process.env,
  CUDA_VISIBLE_DEVICES: "-1",
  KERAS_BACKEND: "tensorflow",
  PYTHONDONTWRITEBYTECODE: "1",
  TF_CPP_MIN_LOG_LEVEL: "2",
  // Compiles in its own process: none is left behind when it is killed.
  TORCHINDUCTOR_COMPILE_THREADS: "1",
};

/** Path of the Python that has the pinned peers: several gigabytes in the cache directory, installed once. */
async function ensureEnvironment(scope: BenchScope): Promise<string> {
  const requirements = join(directory, "requirements.txt");
  const version = await pythonVersion();
  const digest = createHash("sha256")
    .update(version)
    .update(await readFile(requirements))
    .digest("hex");
  const environment = join(cacheDirectory(), "bench-peers", digest.slice(0, 16));
  const python = join(environment, "bin", "python");
  // Written last: an environment without it was interrupted.
  const complete = join(environment, "complete");
  if (existsSync(complete)) return python;
  scope.log("installs Keras, TensorFlow, PyTorch and pandas for Python: some minutes, once");
  await rm(environment, { recursive: true, force: true });
  await mkdir(environment, { recursive: true });
  try {
    await run("python3", ["-m", "venv", environment]);
    const pip = ["-m", "pip", "install", "--require-hashes", "--only-binary=:all:", "--no-input", "--quiet"];
    await run(python, [...pip, "--requirement", requirements], { maxBuffer: 2 ** 26 });
  } catch (cause) {
    await rm(environment, { recursive: true, force: true });
    throw notInstalled(environment, cause);
  }
  await writeFile(complete, "");
  return python;
}

async function pythonVersion(): Promise<string> {
  const script = "import sys, venv; print(sys.version); sys.exit(sys.version_info < (3, 11))";
  try {
    return (await run("python3", ["-c", script])).stdout;
  } catch (cause) {
    throw noPython(cause);
  }
}

function notInstalled(environment: string, cause: unknown): AnnealError {
  const { stderr } = cause as { readonly stderr?: string };
  return new AnnealError(
    "DOWNLOAD_FAILED",
    `the Python peers were not installed: ${stderr?.trim().split("\n").at(-1) || String(cause)}`,
    "Check the connection and the free space, then try again; or run the bench without --peers.",
    { environment },
    { cause },
  );
}

function noPython(cause: unknown): AnnealError {
  return new AnnealError(
    "TOOL_MISSING",
    "the Python peers need Python 3.11 or newer with its venv module",
    "Install it (python3 and python3-venv), or run the bench without --peers.",
    { tool: "python3" },
    { cause },
  );
}
