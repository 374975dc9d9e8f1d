import { fork } from "node:child_process";
import { AnnealError } from "@anneal/contracts";

/** What a runtime's process answers. */
export type RuntimeAnswer<Result> =
  | { readonly kind: "result"; readonly result: Result }
  | { readonly kind: "missing"; readonly why: string }
  | { readonly kind: "refused"; readonly why: string };

export interface RuntimeProcess {
  /** As people know the runtime. */
  readonly name: string;
  /** The program, which answers one message by one. */
  readonly program: string;
  /** What the person installs where it is missing. */
  readonly install: string;
  /** The process is ended then, if it was not done; null: never. */
  readonly timeoutMs: number | null;
}

/**
 * Asks a runtime in a process of its own, which may crash.
 *
 * @throws AnnealError RUNTIME_MISSING where it is not installed; RUNTIME_FAILED where it refuses, its process ends, or it takes too long
 */
export async function askProcess<Result>(
  { name, program, install, timeoutMs }: RuntimeProcess,
  request: object,
): Promise<Result> {
  const child = fork(program, [], {
    serialization: "advanced",
    stdio: ["ignore", "ignore", "pipe", "ipc"],
    execArgv: ["--disable-warning=ExperimentalWarning"],
  });
  let said = "";
  child.stderr?.on("data", (text: Buffer) => {
    said = `${said}${text}`.slice(-2_000);
  });
  const { promise, resolve, reject } = Promise.withResolvers<RuntimeAnswer<Result>>();
  child.on("message", (answer: RuntimeAnswer<Result>) => resolve(answer));
  child.on("error", (cause) => reject(failed(name, `could not be started: ${cause.message}`)));
  child.on("exit", (code, signal) => reject(failed(name, `ended with ${signal ?? `code ${code}`}: ${said.trim()}`)));
  const timer =
    timeoutMs === null
      ? undefined
      : setTimeout(() => reject(failed(name, `was not done after ${timeoutMs / 1000} s`)), timeoutMs);
  try {
    child.send(request);
    const answer = await promise;
    if (answer.kind === "result") return answer.result;
    throw answer.kind === "missing" ? missing(name, install, answer.why) : failed(name, answer.why);
  } finally {
    clearTimeout(timer);
    child.kill("SIGKILL");
  }
}

function missing(name: string, install: string, why: string): AnnealError {
  return new AnnealError("RUNTIME_MISSING", `${name} cannot be loaded here, so no file can be run: ${why}`, install, {
    runtime: name,
  });
}

function failed(name: string, why: string): AnnealError {
  return new AnnealError(
    "RUNTIME_FAILED",
    `${name} could not run the file: ${why}`,
    "Export in another precision or format; if the file is sound, this is a defect of Anneal or of the runtime: please report it.",
    { runtime: name },
  );
}
