import { annealHome } from "@anneal/checkpoint";
import { AnnealError, runComplete } from "@anneal/contracts";
import type { Command } from "commander";
import { viewComparison } from "../comparisons/view.ts";
import { type CommandResult, log } from "../output.ts";
import { formatComparison } from "../render/comparison.ts";
import { formatRun } from "../render/run.ts";
import { cancelRun } from "../runs/cancel.ts";
import { isComparison } from "../runs/observe.ts";
import { viewRun } from "../runs/view.ts";
import { openSession, type Session } from "../temporal/endpoint.ts";
import { type CommonOptions, defineCommand, finish } from "./define.ts";

export function cancelCommand(): Command {
  return defineCommand(
    "cancel <run>",
    "Cancel a run or a comparison: it saves a checkpoint and ends; resume goes on from there",
    "anneal cancel mnist-1",
  ).action((runId: string, options: CommonOptions) => finish(options, cancel(annealHome(), runId)));
}

async function cancel(home: string, runId: string): Promise<CommandResult> {
  await using session = await openSession(home);
  const outcome = await cancelRun(home, session, runId, log);
  if (outcome.status === "cancelled") return await describeCancelled(home, session, runId);
  throw outcome.status === "completed" ? runComplete(runId) : failedBefore(runId);
}

async function describeCancelled(home: string, session: Session, runId: string): Promise<CommandResult> {
  if (await isComparison(session.client, runId)) {
    const comparison = await viewComparison(home, session, runId);
    return { document: comparison, text: formatComparison(comparison, "table") };
  }
  const run = await viewRun(home, session, runId);
  return { document: run, text: formatRun(run) };
}

function failedBefore(runId: string): AnnealError {
  return new AnnealError("RUN_FAILED", `Run "${runId}" had already failed.`, `See why: anneal status ${runId}`, {
    runId,
  });
}
