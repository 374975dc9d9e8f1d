import { AnnealError } from "@anneal/contracts";

/** TensorFlow's RESOURCE_EXHAUSTED, what the C++ and JavaScript allocators say, and how ABORTED looks on a GPU. */
const outOfMemoryPatterns = [
  /\bOOM\b/,
  /RESOURCE_EXHAUSTED/i,
  /resource exhausted/i,
  /status:?\s*8\b/i,
  /bad_alloc/,
  /Array buffer allocation failed/,
  /ERR_WORKER_OUT_OF_MEMORY/,
  /JavaScript heap out of memory/i,
  /Worker terminated due to reaching memory limit/,
  /failed to allocate memory/i,
  /Cannot allocate memory/i,
] as const;

/** Whether an error, whoever threw it, says that memory ran out. */
export function isOutOfMemory(cause: unknown): boolean {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  const text = `${code} ${cause instanceof Error ? cause.message : String(cause)}`;
  return outOfMemoryPatterns.some((pattern) => pattern.test(text)) || isAbortedAllocation(text);
}

/** ABORTED (10) alone has many causes; with memory in its text it has one. */
function isAbortedAllocation(text: string): boolean {
  return /(ABORTED|status:?\s*10\b)/i.test(text) && /memory|alloc/i.test(text);
}

export function outOfMemory(where: string, cause: unknown): AnnealError {
  const message = cause instanceof Error ? cause.message : String(cause);
  return new AnnealError(
    "OUT_OF_MEMORY",
    `memory ran out in ${where}: ${message.slice(0, 500)}`,
    "Lower the batch size or the model's size, or train on a machine with more memory.",
    { where },
    { cause },
  );
}

/** Runs a part of an engine's work; what fails in it has its code. */
export function guardEngine<T>(where: string, run: () => T): T {
  try {
    return run();
  } catch (cause) {
    throw engineFailure(where, cause);
  }
}

/** An engine's error with its code: memory apart from everything else, which goes on as it is. */
export function engineFailure(where: string, cause: unknown): unknown {
  if (cause instanceof AnnealError) return cause;
  return isOutOfMemory(cause) ? outOfMemory(where, cause) : cause;
}
