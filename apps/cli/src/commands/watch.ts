import { annealHome } from "@anneal/checkpoint";
import type { Command } from "commander";
import { attachComparison } from "../comparisons/follow.ts";
import type { CommandResult } from "../output.ts";
import { type ComparisonFormat, formatOption } from "../render/comparison.ts";
import { attach } from "../runs/attach.ts";
import { isComparison } from "../runs/observe.ts";
import { openSession } from "../temporal/endpoint.ts";
import { type CommonOptions, defineCommand, finish } from "./define.ts";

interface ReportOptions extends CommonOptions {
  readonly format: ComparisonFormat;
}

export function watchCommand(): Command {
  return defineCommand(
    "watch <run>",
    "Follow a run or a comparison to its end; the exit code is that of its outcome, Ctrl-C leaves it running",
    "anneal watch mnist-1",
  )
    .addOption(formatOption())
    .action((runId: string, options: ReportOptions) => finish(options, watch(annealHome(), runId, options)));
}

async function watch(home: string, runId: string, { format }: ReportOptions): Promise<CommandResult> {
  await using session = await openSession(home);
  if (await isComparison(session.client, runId)) return await attachComparison(home, session, runId, format);
  return await attach(home, session, runId);
}
