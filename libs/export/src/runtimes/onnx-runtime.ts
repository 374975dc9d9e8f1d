import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { AnnealError } from "@anneal/contracts";
import type { RunRequest, RunResult, Runtime } from "./runtime.ts";

/** What the process answers. */
export type OnnxAnswer =
  | { readonly kind: "result"; readonly result: RunResult }
  | { readonly kind: "missing"; readonly why: string }
  | { readonly kind: "refused"; readonly why: string };

const name = "ONNX Runtime";

/** `onnxruntime-node` in a process of its own. */
export const onnxRuntime: Runtime = { name, run };

async function run(request: RunRequest): Promise<RunResult> {
  const child = fork(fileURLToPath(new URL("./onnx-process.ts", import.meta.url)), [], {
    serialization: "advanced",
    stdio: ["ignore", "ignore", "pipe", "ipc"],
    execArgv: ["--disable-warning=ExperimentalWarning"],
  });
  let said = "";
  child.stderr?.on("data", (text: Buffer) => {
    said = `${said}${text}`.slice(-2_000);
  });
  const { promise, resolve, reject } = Promise.withResolvers<OnnxAnswer>();
  child.on("message", (answer: OnnxAnswer) => resolve(answer));
  child.on("error", (cause) => reject(failed(`could not be started: ${cause.message}`)));
  child.on("exit", (code, signal) => reject(failed(`ended with ${signal ?? `code ${code}`}: ${said.trim()}`)));
  try {
    child.send(request);
    const answer = await promise;
    if (answer.kind === "result") return answer.result;
    throw answer.kind === "missing" ? missing(answer.why) : failed(answer.why);
  } finally {
    child.kill("SIGKILL");
  }
}

function missing(why: string): AnnealError {
  return new AnnealError(
    "RUNTIME_MISSING",
    `${name} cannot be loaded here, so no ONNX file can be proven: ${why}`,
    "Install onnxruntime-node for this platform: pnpm install fetches it where there is one.",
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
