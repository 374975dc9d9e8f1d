import { annealHome } from "@anneal/checkpoint";
import type { Command } from "commander";
import type { CommandResult } from "../output.ts";
import { formatBytes } from "../render/values.ts";
import { removeRun } from "../runs/remove.ts";
import { openSession } from "../temporal/endpoint.ts";
import { type CommonOptions, defineCommand, finish } from "./define.ts";

export function rmCommand(): Command {
  return defineCommand(
    "rm <run>",
    "Remove a run: its checkpoints, its logs and its history; an active one is refused",
    "anneal rm mnist-1",
  ).action((runId: string, options: CommonOptions) => finish(options, rm(annealHome(), runId)));
}

async function rm(home: string, runId: string): Promise<CommandResult> {
  await using session = await openSession(home);
  const { numBytes } = await removeRun(home, session, runId);
  return { document: { runId, removed: true, numBytes }, text: `removed ${runId} (${formatBytes(numBytes)})` };
}
