import { annealHome } from "@anneal/checkpoint";
import { AnnealError, runComplete } from "@anneal/contracts";
import type { Command } from "commander";
import { type CommandResult, log } from "../output.ts";
import { formatRun } from "../render/run.ts";
import { cancelRun } from "../runs/cancel.ts";
import { viewRun } from "../runs/view.ts";
import { openSession } from "../temporal/endpoint.ts";
import { type CommonOptions, defineCommand, finish } from "./define.ts";

export function cancelCommand(): Command {
  return defineCommand(
    "cancel <run>",
    "Cancel a run: it saves a checkpoint and ends; resume goes on from there",
    "anneal cancel mnist-1",
  ).action((runId: string, options: CommonOptions) => finish(options, cancel(annealHome(), runId)));
}

async function cancel(home: string, runId: string): Promise<CommandResult> {
  await using session = await openSession(home);
  const outcome = await cancelRun(home, session, runId, log);
  const run = await viewRun(home, session, runId);
  if (outcome.status === "cancelled") return { document: run, text: formatRun(run) };
  throw outcome.status === "completed" ? runComplete(runId) : failedBefore(runId);
}

function failedBefore(runId: string): AnnealError {
  return new AnnealError("RUN_FAILED", `Run "${runId}" had already failed.`, `See why: anneal status ${runId}`, {
    runId,
  });
}
