import { annealHome } from "@anneal/checkpoint";
import type { Command } from "commander";
import { type CommandResult, log } from "../output.ts";
import { formatRun } from "../render/run.ts";
import { viewFromDisk } from "../runs/disk.ts";
import { findPids } from "../runs/pids.ts";
import { viewRun } from "../runs/view.ts";
import { findEndpoint, openSession } from "../temporal/endpoint.ts";
import { type CommonOptions, defineCommand, finish } from "./define.ts";

export function statusCommand(): Command {
  return defineCommand(
    "status <run>",
    "Show where a run is: step, metrics, checkpoint, failures",
    "anneal status mnist-1",
  ).action((runId: string, options: CommonOptions) => finish(options, status(annealHome(), runId)));
}

async function status(home: string, runId: string): Promise<CommandResult> {
  if (!findEndpoint(home)) {
    const run = await viewFromDisk(home, runId);
    log("no Temporal server is running (anneal up): this is what the disk knows");
    return { document: { ...run, pids: { worker: null, trainer: null } }, text: formatRun(run) };
  }
  await using session = await openSession(home);
  const run = await viewRun(home, session, runId);
  const pids = findPids(home, runId);
  return { document: { ...run, pids }, text: formatRun(run, pids) };
}
