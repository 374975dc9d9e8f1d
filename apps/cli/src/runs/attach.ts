import { AnnealError, exitCodes, fromRecord } from "@anneal/contracts";
import { type CommandResult, exitCodeOf, formatError, log } from "../output.ts";
import { createDisplay } from "../render/progress-display.ts";
import { formatRun } from "../render/run.ts";
import type { Session } from "../temporal/endpoint.ts";
import { type Follower, followRun } from "./follow.ts";
import { type Outcome, type RunView, viewRun } from "./view.ts";

/** Shows a run's progress until it ends. Ctrl-C leaves it to go on by itself. */
export async function attach(home: string, session: Session, runId: string): Promise<CommandResult> {
  const leaving = new AbortController();
  const leave = (): void => leaving.abort();
  process.once("SIGINT", leave);
  const outcome = await showRun(session, runId, leaving.signal).finally(() => process.off("SIGINT", leave));
  const run = await viewRun(home, session, runId);
  if (outcome) return describeEnd(run, outcome);
  log(`The run goes on. Follow it: anneal watch ${runId}. End it: anneal cancel ${runId}`);
  return { document: run, text: "", exitCode: exitCodes.interrupted };
}

/**
 * Draws a run's progress on stderr until it ends, or until the signal comes: the result is null then.
 *
 * @param samples what the recipe's samples are called
 */
export async function showRun(
  session: Session,
  runId: string,
  signal: AbortSignal,
  samples = "samples",
): Promise<Outcome | null> {
  const display = createDisplay(runId, samples);
  const follower: Follower = {
    onProgress: (progress) => display.update(progress),
    onNote: (line) => display.note(line),
  };
  return await followRun(session, runId, follower, signal).finally(() => display.end());
}

/** The result of a command that waited for a run's end. */
export function describeEnd(run: RunView, outcome: Outcome): CommandResult {
  const document = outcome.error ? { ...run, error: outcome.error } : run;
  switch (outcome.status) {
    case "completed":
      return { document, text: formatRun(run) };
    case "cancelled":
      return { document, text: formatRun(run), exitCode: exitCodes.cancelled };
    case "failed": {
      const error = outcome.error ? fromRecord(outcome.error) : runFailed(run.runId);
      log(formatError(error));
      return { document, text: formatRun({ ...run, error: null }), exitCode: exitCodeOf(error.code) };
    }
  }
}

function runFailed(runId: string): AnnealError {
  return new AnnealError("RUN_FAILED", `Run "${runId}" failed.`, `Its history says why: anneal open ${runId}`, {
    runId,
  });
}
