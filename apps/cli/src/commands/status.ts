import { annealHome } from "@anneal/checkpoint";
import type { Command } from "commander";
import { reportOnDisk, viewComparison } from "../comparisons/view.ts";
import { type CommandResult, log } from "../output.ts";
import { type ComparisonFormat, formatComparison, formatOption } from "../render/comparison.ts";
import { formatRun } from "../render/run.ts";
import { viewFromDisk } from "../runs/disk.ts";
import { isComparison } from "../runs/observe.ts";
import { findPids } from "../runs/pids.ts";
import { viewRun } from "../runs/view.ts";
import { findEndpoint, openSession } from "../temporal/endpoint.ts";
import { type CommonOptions, defineCommand, finish } from "./define.ts";

interface ReportOptions extends CommonOptions {
  readonly format: ComparisonFormat;
}

export function statusCommand(): Command {
  return defineCommand(
    "status <run>",
    "Show where a run is: step, metrics, checkpoint, failures; of a comparison, its report so far",
    "anneal status mnist-1",
  )
    .addOption(formatOption())
    .action((runId: string, options: ReportOptions) => finish(options, status(annealHome(), runId, options)));
}

async function status(home: string, runId: string, { format }: ReportOptions): Promise<CommandResult> {
  if (!findEndpoint(home)) {
    const comparison = await reportOnDisk(home, runId);
    if (comparison) return { document: comparison, text: formatComparison(comparison, format) };
    const run = await viewFromDisk(home, runId);
    log("no Temporal server is running (anneal up): this is what the disk knows");
    return { document: { ...run, pids: { worker: null, trainer: null } }, text: formatRun(run) };
  }
  await using session = await openSession(home);
  if (await isComparison(session.client, runId)) {
    const comparison = await viewComparison(home, session, runId);
    return { document: comparison, text: formatComparison(comparison, format) };
  }
  const run = await viewRun(home, session, runId);
  const pids = findPids(home, runId);
  return { document: { ...run, pids }, text: formatRun(run, pids) };
}
