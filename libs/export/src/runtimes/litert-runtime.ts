import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { AnnealError } from "@anneal/contracts";
import { cacheDirectory } from "@anneal/runtime";
import { litertPackages } from "./litert-packages.ts";
import { percentiles, type RunRequest, type RunResult, type Runtime } from "./runtime.ts";

/** The line that the process answers with; after a result come the outputs' values. */
type LitertAnswer =
  | {
      readonly kind: "result";
      readonly version: string;
      readonly loadMs: number;
      readonly times: readonly number[];
      /** Values of each output. */
      readonly sizes: readonly number[];
    }
  | { readonly kind: "missing"; readonly why: string }
  | { readonly kind: "refused"; readonly why: string };

const name = "LiteRT";

/** Python's `ai-edge-litert` in a process of its own. */
export const litertRuntime: Runtime = { name, run };

/** Where the packages are looked for first; without it Python's own are taken. */
function litertFolder(): string {
  return join(cacheDirectory(), `python-${litertPackages.join("-").replaceAll("==", "-")}`);
}

/** What a Python process is to be started with, so that it finds the packages. */
function litertEnvironment(): NodeJS.ProcessEnv {
  const given = process.env.PYTHONPATH;
  const paths = [...(existsSync(litertFolder()) ? [litertFolder()] : []), ...(given ? [given] : [])];
  return { ...process.env, PYTHONPATH: paths.join(delimiter), PYTHONDONTWRITEBYTECODE: "1" };
}

async function run({ path, samples, batchSize, outputs, numTimed }: RunRequest): Promise<RunResult> {
  const { type, values, numSamples } = samples;
  const request = {
    path,
    outputs,
    batchSize,
    numTimed,
    numSamples,
    ...type,
    // More threads than cores wait for each other.
    numThreads: availableParallelism(),
  };
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const said = await talk(Buffer.concat([Buffer.from(`${JSON.stringify(request)}\n`), bytes]));
  const end = said.indexOf("\n");
  const answer = JSON.parse(said.toString("utf8", 0, end)) as LitertAnswer;
  if (answer.kind !== "result") throw answer.kind === "missing" ? missing(answer.why) : failed(answer.why);
  const { version, loadMs, times, sizes } = answer;
  // A copy: values have to lie at a multiple of their size.
  const all = new Float32Array(new Uint8Array(said.subarray(end + 1)).buffer);
  let at = 0;
  const results = sizes.map((size) => {
    at += size;
    return all.slice(at - size, at);
  });
  return { version, outputs: results, times: { loadMs, ...percentiles(times) } };
}

/** What the process writes for what it is given. */
async function talk(given: Uint8Array): Promise<Buffer> {
  const program = fileURLToPath(new URL("./litert-process.py", import.meta.url));
  const child = spawn("python3", [program], { env: litertEnvironment(), stdio: ["pipe", "pipe", "pipe"] });
  const chunks: Buffer[] = [];
  let complaints = "";
  child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  child.stderr.on("data", (text: Buffer) => {
    complaints = `${complaints}${text}`.slice(-2_000);
  });
  // A process that ends before it has read all says why by its end.
  child.stdin.on("error", () => {});
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  child.on("error", (cause) => reject(missing(`python3 could not be started: ${cause.message}`)));
  child.on("close", (code, signal) => {
    if (code === 0) resolve();
    else reject(failed(`its process ended with ${signal ?? `code ${code}`}: ${complaints.trim()}`));
  });
  child.stdin.end(given);
  try {
    await promise;
    return Buffer.concat(chunks);
  } finally {
    child.kill("SIGKILL");
  }
}

function missing(why: string): AnnealError {
  const install = `python3 -m pip install --no-deps --target ${litertFolder()} ${litertPackages.join(" ")}`;
  return new AnnealError(
    "RUNTIME_MISSING",
    `${name} cannot be loaded here, so no TensorFlow Lite file can be proven: ${why}`,
    `Install it: ${install}`,
    { runtime: name },
  );
}

function failed(why: string): AnnealError {
  return new AnnealError(
    "RUNTIME_FAILED",
    `${name} could not run the file: ${why}`,
    "Export in another precision or format; if the file is sound, this is a defect of Anneal or of the runtime: please report it.",
    { runtime: name },
  );
}
