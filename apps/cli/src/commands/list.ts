import { annealHome } from "@anneal/checkpoint";
import type { Command } from "commander";
import { checkHome } from "../home.ts";
import { type CommandResult, log } from "../output.ts";
import { formatTable } from "../render/table.ts";
import { formatCount, formatTime } from "../render/values.ts";
import { listRuns } from "../runs/list.ts";
import { type CommonOptions, defineCommand, finish } from "./define.ts";

interface ListOptions extends CommonOptions {
  readonly all?: true;
}

export function listCommand(): Command {
  return defineCommand(
    "list",
    "List runs and comparisons, newest first: the active ones and the last 20",
    "anneal list --all",
  )
    .option("--all", "every run that the server or the disk knows")
    .action((options: ListOptions) => finish(options, list(annealHome(), options)));
}

async function list(home: string, options: ListOptions): Promise<CommandResult> {
  checkHome(home);
  const { runs, isComplete } = await listRuns(home, options.all === true, log);
  const rows = runs.map((run) => [
    run.parent === null ? run.runId : `  ${run.runId}`,
    run.numStrategies === null ? (run.recipe ?? "") : `${run.recipe}, ${run.numStrategies} strategies`,
    run.status,
    run.kind === "run" ? formatCount(run.step) : "",
    run.startedAt ? formatTime(new Date(run.startedAt)) : "",
  ]);
  const table = formatTable(["run", "recipe", "status", "step", "started"], rows);
  const more = isComplete ? [] : ["(older runs: anneal list --all)"];
  return {
    document: { runs },
    text: runs.length === 0 ? "no runs yet: anneal train mnist" : [table, ...more].join("\n"),
  };
}
