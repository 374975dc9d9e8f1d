import { annealHome } from "@anneal/checkpoint";
import type { RunSpec } from "@anneal/contracts";
import type { Command } from "commander";
import { type CommandResult, log } from "../output.ts";
import { buildSpec } from "../recipes.ts";
import { formatRun } from "../render/run.ts";
import { attach } from "../runs/attach.ts";
import { checkRunId, newRunId } from "../runs/run-id.ts";
import { startNewRun } from "../runs/start.ts";
import { viewRun } from "../runs/view.ts";
import { openWorkingSession } from "../stack/working-session.ts";
import { finish } from "./define.ts";
import { defineRecipeCommand, type RecipeInvocation, type RecipeOptions } from "./recipe-command.ts";

interface TrainOptions extends RecipeOptions {
  readonly runId?: string;
  readonly detach?: true;
}

export function trainCommand(): Command {
  return defineRecipeCommand<TrainOptions>({
    usage: "train <recipe>",
    summary: "Train a recipe, by name or by file; starts the local stack if needed",
    example: `anneal train mnist --epochs 3
anneal train ./my-recipe.ts --learning-rate 0.01 --run-id first --detach
anneal train mnist --help   # the recipe's parameters`,
    configure: (command) =>
      command
        .option("--run-id <id>", "the run's name: its workflow id and its folder (default: recipe, time, four letters)")
        .option("--detach", "return as soon as the run has started"),
    handler: (invocation) => finish(invocation.options, train(annealHome(), invocation)),
  });
}

async function train(
  home: string,
  { known, given, settings, options }: RecipeInvocation<TrainOptions>,
): Promise<CommandResult> {
  const spec = await buildSpec(known, given, settings);
  const runId = options.runId === undefined ? newRunId(spec.recipe.name) : checkRunId(options.runId);
  await using session = await openWorkingSession(home, log);
  await startNewRun(home, session, runId, spec);
  sayStarted(runId, spec, session.runUrl(runId));
  if (!options.detach) return await attach(home, session, runId);
  const run = await viewRun(home, session, runId);
  return { document: run, text: formatRun(run) };
}

function sayStarted(runId: string, { recipe }: RunSpec, url: string | null): void {
  log(`run ${runId} (${recipe.name}) started${url ? `: ${url}` : ""}`);
}
