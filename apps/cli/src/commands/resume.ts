import { annealHome } from "@anneal/checkpoint";
import type { ResumeChoices } from "@anneal/contracts";
import { type Command, Option } from "commander";
import { attachComparison } from "../comparisons/follow.ts";
import { describeResumedComparison, resumeComparison } from "../comparisons/resume.ts";
import { viewComparison } from "../comparisons/view.ts";
import { type CommandResult, log } from "../output.ts";
import { formatComparison } from "../render/comparison.ts";
import { formatRun } from "../render/run.ts";
import { attach } from "../runs/attach.ts";
import { isComparison } from "../runs/observe.ts";
import { describeResumed, resumeRun } from "../runs/resume.ts";
import { viewRun } from "../runs/view.ts";
import { openWorkingSession } from "../stack/working-session.ts";
import { type CommonOptions, defineCommand, finish } from "./define.ts";

interface ResumeOptions extends CommonOptions {
  readonly recipeVersion?: "recorded" | "current";
  readonly allowInexact?: true;
  readonly detach?: true;
}

export function resumeCommand(): Command {
  return defineCommand(
    "resume <run>",
    "Go on with a run or a comparison that failed or was cancelled, from the last checkpoint",
    `anneal resume mnist-1
anneal resume mnist-1 --recipe-version recorded   # the recipe's file was edited since`,
  )
    .addOption(
      new Option(
        "--recipe-version <which>",
        "if the recipe was edited: the version kept with the run, or the file",
      ).choices(["recorded", "current"]),
    )
    .option("--allow-inexact", "go on although this machine computes other bits; the run is marked inexact")
    .option("--detach", "return as soon as the run has started")
    .action((runId: string, options: ResumeOptions) => finish(options, resume(annealHome(), runId, options)));
}

async function resume(home: string, runId: string, options: ResumeOptions): Promise<CommandResult> {
  const choices: ResumeChoices = {
    recipeVersion: options.recipeVersion ?? null,
    allowInexact: options.allowInexact === true,
  };
  await using session = await openWorkingSession(home, log);
  if (await isComparison(session.client, runId)) {
    log(describeResumedComparison(runId, await resumeComparison(home, session, runId, choices)));
    if (!options.detach) return await attachComparison(home, session, runId);
    const comparison = await viewComparison(home, session, runId);
    return { document: comparison, text: formatComparison(comparison, "table") };
  }
  log(describeResumed(home, runId, await resumeRun(home, session, runId, choices)));
  if (!options.detach) return await attach(home, session, runId);
  const run = await viewRun(home, session, runId);
  return { document: run, text: formatRun(run) };
}
