import { AnnealError, type GrantedMemory, saysOutOfMemory, trainerExitCodes } from "@anneal/contracts";
import { bytesInWords } from "@anneal/policy";
import type { ProcessMemory } from "@anneal/runtime";

export interface TrainerExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Out-of-memory kills that the kernel counted (`readOomKills`) while the trainer lived; null if it does not tell. */
  readonly numOomKills: number | null;
  /** What the trainer had when it was last looked at; null if it never was. */
  readonly memory: ProcessMemory | null;
  /** What it might have. */
  readonly granted: GrantedMemory;
  /** End of what the process wrote to its log. */
  readonly logTail: string;
  readonly logFile: string;
}

/** Why a trainer that died without a word died, as an error that a person can act on. */
export function explainExit(exit: TrainerExit): AnnealError {
  const { code, signal, numOomKills, logTail, logFile, memory } = exit;
  const facts = { exitCode: code, signal, logFile };
  const how = signal === null ? `exited with code ${code}` : `was ended by ${signal}`;
  if (ranOutOfMemory(exit)) {
    return new AnnealError(
      "OUT_OF_MEMORY",
      `the trainer ran out of memory and ${how}${memory === null ? "" : `; it had ${bytesInWords(memory.rssBytes)}`}`,
      "Lower the batch size or the model's size, or give the run more memory.",
      { ...facts, numOomKills, rssBytes: memory?.rssBytes ?? null },
    );
  }
  const lastLine = logTail.trimEnd().split("\n").filter(isTelling).at(-1) ?? "";
  const why = code === trainerExitCodes.engineLost ? "lost its engine thread and " : "";
  return new AnnealError(
    "TRAINER_CRASHED",
    `the trainer ${why}${how}${lastLine === "" ? "" : `: ${lastLine.slice(0, 300)}`}`,
    `The run goes on from its last checkpoint; look in ${logFile} if this happens again.`,
    facts,
  );
}

/** TensorFlow greets every start with lines that say nothing about its end. */
function isTelling(line: string): boolean {
  return !/^(?:I\d{4} |WARNING: All log messages before absl)/.test(line);
}

function ranOutOfMemory({ code, signal, numOomKills, logTail, memory, granted }: TrainerExit): boolean {
  // The kernel's kill: it counts them for the control group. Where nobody counts, a process that was about to fill what it may take
  // was not killed by a person.
  if (signal === "SIGKILL") {
    return (numOomKills ?? 0) > 0 || (memory !== null && memory.rssBytes > nearlyAll * granted.bytes);
  }
  // C++ ends by SIGABRT after an exception nobody caught, V8 by SIGABRT, SIGTRAP or SIGILL when a limit is reached.
  const isAbort = signal === "SIGABRT" || signal === "SIGTRAP" || signal === "SIGILL";
  const isAbortCode = code === 134 || code === 133 || code === trainerExitCodes.engineLost;
  if ((isAbort || isAbortCode) && saysOutOfMemory(logTail)) return true;
  return (isAbort || signal === "SIGSEGV" || signal === "SIGBUS") && isLimited(memory);
}

/** Last seen up to a second before its end. */
const nearlyAll = 0.85;
/** Node reserves much more than it uses, and what native code asks for next may be as much as is there. */
const tight = 1 / 3;

/** Native code that gets no memory often goes on with a null pointer: a crash that says nothing. */
function isLimited(memory: ProcessMemory | null): boolean {
  return (memory?.limits ?? []).some(({ usedBytes, limitBytes }) => usedBytes > tight * limitBytes);
}
