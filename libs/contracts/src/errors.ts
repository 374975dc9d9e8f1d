/**
 * The one error hierarchy of the project, and the one table that says what happens next.
 *
 * Every failure that a person can meet has a `code`, the facts, and a remedy: one sentence that says what to do.
 * The workflow walks `failureTable`; nothing else in the code base decides whether something is tried again.
 */

/** What kind of failure a code is. Decides the budget it counts against. */
export type FailureClass =
  /** The person's input is wrong: never retried. */
  | "input"
  /** A process died or hung: retried from the last checkpoint, counted against the crash budget. */
  | "crash"
  /** The work was taken away on purpose (worker shut down): retried, not counted. */
  | "preemption"
  /** Out of memory in one of its forms: retried, counted against its own budget. */
  | "memory"
  /** The machine lacks something (disk, runtime): retried slowly, a few times. */
  | "environment"
  /** A newer attempt owns the run: this attempt ends silently. */
  | "fenced";

interface FailureRow {
  readonly class: FailureClass;
  /** Process exit code of the command line when a command ends with this code. */
  readonly exitCode: number;
}

/** Documented exit codes of the `anneal` command. */
export const exitCodes = {
  ok: 0,
  unexpected: 1,
  usage: 2,
  input: 3,
  notFound: 4,
  conflict: 5,
  runFailed: 6,
  unavailable: 7,
  environment: 8,
  cancelled: 9,
  /** By convention 128 + SIGINT. */
  interrupted: 130,
} as const;

const input = { class: "input", exitCode: exitCodes.input } as const;
const environment = { class: "environment", exitCode: exitCodes.environment } as const;
const crash = { class: "crash", exitCode: exitCodes.runFailed } as const;
const memory = { class: "memory", exitCode: exitCodes.runFailed } as const;

/** Every code, its class and the exit code it ends a command with. */
export const failureTable = {
  // The person's input
  USAGE: { class: "input", exitCode: exitCodes.usage },
  RECIPE_NOT_FOUND: { class: "input", exitCode: exitCodes.notFound },
  RECIPE_INVALID: input,
  RECIPE_THREW: input,
  RECIPE_CHANGED: { class: "input", exitCode: exitCodes.conflict },
  PARAMETER_INVALID: input,
  POLICY_UNSUPPORTED: input,
  BUDGET_TOO_SMALL: input,
  DATASET_NOT_FOUND: input,
  DATASET_CORRUPT: input,
  DATASET_SCHEMA: input,
  BAD_RECORD: input,
  BAD_RECORDS: input,
  SOURCE_FAILED: input,
  DATASET_CHANGED: { class: "input", exitCode: exitCodes.conflict },
  LABEL_OUT_OF_RANGE: input,
  TRANSFORM_FAILED: input,
  TRANSFORM_HUNG: input,
  TOPIC_NOT_FOUND: { class: "input", exitCode: exitCodes.notFound },
  OFFSETS_EXPIRED: input,
  BROKER_ACCESS_DENIED: input,
  GROUP_TAKEN: { class: "input", exitCode: exitCodes.conflict },
  SHAPE_MISMATCH: input,
  LOSS_NOT_FINITE: input,
  TRACE_UNSUPPORTED: input,
  // Runs and their stores
  RUN_NOT_FOUND: { class: "input", exitCode: exitCodes.notFound },
  RUN_EXISTS: { class: "input", exitCode: exitCodes.conflict },
  RUN_COMPLETE: { class: "input", exitCode: exitCodes.conflict },
  RUN_ACTIVE: { class: "input", exitCode: exitCodes.conflict },
  RUN_FAILED: { class: "input", exitCode: exitCodes.runFailed },
  SCHEDULE_NOT_FOUND: { class: "input", exitCode: exitCodes.notFound },
  SCHEDULE_EXISTS: { class: "input", exitCode: exitCodes.conflict },
  CHECKPOINT_NOT_FOUND: { class: "input", exitCode: exitCodes.notFound },
  CHECKPOINT_CORRUPT: input,
  CHECKPOINT_INCOMPATIBLE: input,
  FINGERPRINT_MISMATCH: { class: "input", exitCode: exitCodes.conflict },
  // Exported models
  EXPORT_UNSUPPORTED: input,
  MODEL_FILE_INVALID: input,
  EXPORT_DISAGREES: { class: "input", exitCode: exitCodes.runFailed },
  // Processes
  TRAINER_CRASHED: crash,
  TRAINER_HUNG: crash,
  WORKER_LOST: crash,
  PREEMPTED: { class: "preemption", exitCode: exitCodes.runFailed },
  FENCED: { class: "fenced", exitCode: exitCodes.conflict },
  OUT_OF_MEMORY: memory,
  // The machine
  DISK_FULL: environment,
  DIRECTORY_UNWRITABLE: environment,
  DISK_FAILED: environment,
  TENSORFLOW_MISSING: environment,
  TENSORFLOW_BROKEN: environment,
  PLATFORM_UNSUPPORTED: environment,
  TOOL_MISSING: environment,
  RUNTIME_MISSING: environment,
  RUNTIME_FAILED: environment,
  DOWNLOAD_FAILED: environment,
  HASH_MISMATCH: environment,
  COMPILE_FAILED: environment,
  BROKER_UNREACHABLE: { class: "environment", exitCode: exitCodes.unavailable },
  SERVER_UNREACHABLE: { class: "environment", exitCode: exitCodes.unavailable },
  STACK_FAILED: { class: "environment", exitCode: exitCodes.unavailable },
  INTERNAL: { class: "crash", exitCode: exitCodes.unexpected },
} as const satisfies Record<string, FailureRow>;

export type ErrorCode = keyof typeof failureTable;

/** The structured facts of an error: small, JSON-safe, no secrets. */
export type ErrorFacts = Readonly<Record<string, string | number | boolean | null>>;

/** An error as plain data: what crosses process, thread and workflow borders. */
export interface ErrorRecord {
  readonly code: ErrorCode;
  readonly message: string;
  readonly remedy: string;
  readonly facts: ErrorFacts;
}

/** An error that a person can act on. `message` says what happened, `remedy` what to do. */
export class AnnealError extends Error {
  override readonly name = "AnnealError";
  readonly code: ErrorCode;
  readonly remedy: string;
  readonly facts: ErrorFacts;

  constructor(code: ErrorCode, message: string, remedy: string, facts: ErrorFacts = {}, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.remedy = remedy;
    this.facts = facts;
  }

  toRecord(): ErrorRecord {
    return { code: this.code, message: this.message, remedy: this.remedy, facts: this.facts };
  }
}

/** Whether `value` is one of the codes of the failure table. */
export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === "string" && Object.hasOwn(failureTable, value);
}

/** Any thrown value as an `AnnealError`; what has no code becomes `INTERNAL` and keeps its cause. */
export function toAnnealError(cause: unknown): AnnealError {
  if (cause instanceof AnnealError) return cause;
  const message = cause instanceof Error ? cause.message : String(cause);
  return defect(message, {}, { cause });
}

/** Something that cannot be unless Anneal itself is wrong: nothing that a person could mend. */
export function defect(message: string, facts: ErrorFacts = {}, options?: ErrorOptions): AnnealError {
  return new AnnealError(
    "INTERNAL",
    message,
    "This is a defect of Anneal: please report it with the log.",
    facts,
    options,
  );
}

/** A run that has done all its steps is asked for more. */
export function runComplete(runId: string, facts: ErrorFacts = {}): AnnealError {
  return new AnnealError(
    "RUN_COMPLETE",
    `Run "${runId}" is complete: there is nothing left to do.`,
    "To train its model further, start a new run of a recipe whose training options name its checkpoint as initialWeights " +
      `(anneal status ${runId} says where that is).`,
    { runId, ...facts },
  );
}

/** The recipe's file is not what the run started with, and nobody said which of the two to go on with. */
export function recipeChanged(runId: string, path: string, recordedDigest: string): AnnealError {
  return new AnnealError(
    "RECIPE_CHANGED",
    `The recipe ${path} was edited since run "${runId}" started.`,
    "Say which version to use: --recipe-version recorded (as it was) or current (as it is).",
    { runId, path, recordedDigest },
  );
}

/** What `work` gives, or null where it fails with this code. */
export async function nullOn<T>(code: ErrorCode, work: Promise<T>): Promise<T | null> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof AnnealError && error.code === code) return null;
    throw error;
  }
}

/** Rebuilds the error that `toRecord` made on the other side of a border. */
export function fromRecord(record: ErrorRecord): AnnealError {
  return new AnnealError(record.code, record.message, record.remedy, record.facts);
}
