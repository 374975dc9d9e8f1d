import { annealHome } from "@anneal/checkpoint";
import type { Command } from "commander";
import { removeComparison } from "../comparisons/remove.ts";
import type { CommandResult } from "../output.ts";
import { formatBytes } from "../render/values.ts";
import { isComparison } from "../runs/observe.ts";
import { removeRun } from "../runs/remove.ts";
import { openSession } from "../temporal/endpoint.ts";
import { type CommonOptions, defineCommand, finish } from "./define.ts";

export function rmCommand(): Command {
  return defineCommand(
    "rm <run>",
    "Remove a run, or a comparison with its runs: checkpoints, logs and history; an active one is refused",
    "anneal rm mnist-1",
  ).action((runId: string, options: CommonOptions) => finish(options, rm(annealHome(), runId)));
}

async function rm(home: string, runId: string): Promise<CommandResult> {
  await using session = await openSession(home);
  const remove = (await isComparison(session.client, runId)) ? removeComparison : removeRun;
  const { numBytes } = await remove(home, session, runId);
  return { document: { runId, removed: true, numBytes }, text: `removed ${runId} (${formatBytes(numBytes)})` };
}
