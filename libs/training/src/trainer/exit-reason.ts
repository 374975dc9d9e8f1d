import { readFileSync } from "node:fs";
import { AnnealError, trainerExitCodes } from "@anneal/contracts";

export interface TrainerExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Out-of-memory kills that the kernel counted (`readOomKills`) while the trainer lived; null if it does not tell. */
  readonly numOomKills: number | null;
  /** End of what the process wrote to its log. */
  readonly logTail: string;
  readonly logFile: string;
}

/** Why a trainer that died without a word died, as an error that a person can act on. */
export function explainExit(exit: TrainerExit): AnnealError {
  const { code, signal, numOomKills, logTail, logFile } = exit;
  const facts = { exitCode: code, signal, logFile };
  const how = signal === null ? `exited with code ${code}` : `was ended by ${signal}`;
  if (ranOutOfMemory(exit)) {
    return new AnnealError(
      "OUT_OF_MEMORY",
      `the trainer ran out of memory and ${how}`,
      "Lower the batch size or the model's size, or train on a machine with more memory.",
      { ...facts, numOomKills },
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

function ranOutOfMemory({ code, signal, numOomKills, logTail }: TrainerExit): boolean {
  // The kernel's kill: it counts them for the control group.
  if (signal === "SIGKILL") return (numOomKills ?? 0) > 0;
  const saysSo = /bad_alloc|JavaScript heap out of memory|Array buffer allocation failed|ERR_WORKER_OUT_OF_MEMORY/;
  // C++ ends by SIGABRT after an exception nobody caught, V8 by SIGABRT or SIGTRAP when the heap's limit is reached.
  if (signal === "SIGABRT" || signal === "SIGTRAP" || signal === "SIGILL") return saysSo.test(logTail);
  return (code === 134 || code === 133 || code === trainerExitCodes.engineLost) && saysSo.test(logTail);
}

type ReadText = (path: string) => string;

/** Where the kernel counts its kills for memory, the narrowest first: cgroup v2, cgroup v1, the whole machine. */
const oomCounters: readonly ((read: ReadText) => string)[] = [
  (read) => `/sys/fs/cgroup${ownGroup(read, "0::")}/memory.events`,
  (read) => `/sys/fs/cgroup/memory${ownGroup(read, "\\d+:(?:[^:\\n]+,)?memory(?:,[^:\\n]+)?:")}/memory.oom_control`,
  // Within a container the group's path may be the host's, while its files are at the root.
  () => "/sys/fs/cgroup/memory/memory.oom_control",
  () => "/proc/vmstat",
];

/**
 * How many processes the kernel has killed for memory so far: in this control group, or on the whole machine where the group
 * does not tell; null where nothing does.
 */
export function readOomKills(read: ReadText = (path) => readFileSync(path, "utf8")): number | null {
  for (const pathOf of oomCounters) {
    try {
      const count = /^oom_kill (\d+)$/m.exec(read(pathOf(read)))?.[1];
      if (count !== undefined) return Number(count);
    } catch {
      // Not on this machine: the next one.
    }
  }
  return null;
}

/** Path of this process's control group in the hierarchy whose line starts so; "" for the root. */
function ownGroup(read: ReadText, lineStart: string): string {
  const path = new RegExp(`^${lineStart}(/.*)$`, "m").exec(read("/proc/self/cgroup"))?.[1];
  if (path === undefined) throw new Error(`no line ${lineStart}`);
  return path === "/" ? "" : path;
}
