import { AnnealError, isOutOfMemory } from "@anneal/contracts";

export function outOfMemory(where: string, cause: unknown): AnnealError {
  const message = cause instanceof Error ? cause.message : String(cause);
  return new AnnealError(
    "OUT_OF_MEMORY",
    `memory ran out in ${where}: ${withoutHint(message).slice(0, 500)}`,
    "Lower the batch size or the model's size, or give the run more memory.",
    { where },
    { cause },
  );
}

/** What TensorFlow says without its advice, which is for programs that call it from Python. */
function withoutHint(message: string): string {
  return message.replace(/\s*Hint: If you want to see a list of allocated tensors[^\n]*/g, "").trim();
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
