import { type AnnealError, type ErrorCode, failureTable, toAnnealError } from "@anneal/contracts";

/** What a command ends with: a document for programs, and the same for people. */
export interface CommandResult {
  /** Printed as it is by `--json`. */
  readonly document: unknown;
  /** Printed otherwise. */
  readonly text: string;
  /** 0 unless the command found something that a script must see. */
  readonly exitCode?: number;
}

/** Logs, progress and questions go to stderr, so that stdout holds the result and nothing else. */
export function log(line: string): void {
  process.stderr.write(`${line}\n`);
}

export function printResult(result: CommandResult, asJson: boolean): void {
  const text = asJson ? JSON.stringify(result.document, null, 2) : result.text;
  if (text !== "") process.stdout.write(`${text}\n`);
  process.exitCode = result.exitCode ?? 0;
}

/** Says what went wrong and what to do, and sets the exit code. Stack traces only with `ANNEAL_DEBUG=1`. */
export function printError(cause: unknown, asJson: boolean): void {
  const error = toAnnealError(cause);
  if (asJson) process.stdout.write(`${JSON.stringify({ error: error.toRecord() }, null, 2)}\n`);
  else log(formatError(error));
  if (process.env.ANNEAL_DEBUG === "1") log(withCauses(error));
  process.exitCode = exitCodeOf(error.code);
}

export function exitCodeOf(code: ErrorCode): number {
  return failureTable[code].exitCode;
}

export function formatError(error: Pick<AnnealError, "code" | "message" | "remedy">): string {
  return `error ${error.code}: ${error.message}\n→ ${error.remedy}`;
}

function withCauses(error: Error): string {
  const own = error.stack ?? String(error);
  return error.cause instanceof Error ? `${own}\ncaused by ${withCauses(error.cause)}` : own;
}
