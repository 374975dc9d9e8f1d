import { annealHome } from "@anneal/checkpoint";
import type { DataSplit } from "@anneal/contracts";
import { ensureTensorflow } from "@anneal/provision";
import { type Command, Option } from "commander";
import { type CommandResult, log } from "../output.ts";
import { formatFacts } from "../render/table.ts";
import { formatCount, formatMetrics } from "../render/values.ts";
import { saySkipped } from "../runs/skipped.ts";
import { resolveTarget } from "../runs/target.ts";
import { type CommonOptions, defineCommand, finish } from "./define.ts";

interface EvalOptions extends CommonOptions {
  readonly split?: DataSplit;
}

const splits: readonly DataSplit[] = ["test", "validation", "train"];

export function evalCommand(): Command {
  return defineCommand(
    "eval <run|checkpoint>",
    "Compute the metrics of a run's newest checkpoint, or of any checkpoint's folder",
    `anneal eval mnist-1
anneal eval ./best/step-000000469-1f0c33aa --split validation`,
  )
    .addOption(new Option("--split <split>", "which data (default: test, else validation)").choices(splits))
    .action((target: string, options: EvalOptions) => finish(options, evaluate(annealHome(), target, options)));
}

async function evaluate(home: string, target: string, options: EvalOptions): Promise<CommandResult> {
  const path = resolveTarget(home, target);
  await ensureTensorflow({ log });
  const { evaluateCheckpoint } = await import("@anneal/training");
  const result = await evaluateCheckpoint(path, options.split ?? null);
  saySkipped(result.skipped, log);
  const text = formatFacts([
    ["metrics", formatMetrics(result.metrics)],
    ["data", `${result.split}, ${formatCount(result.numSamples)} samples`],
    ["checkpoint", result.checkpoint.path],
    ["digest", result.checkpoint.digest],
  ]);
  return { document: result, text };
}
