import { readFile } from "node:fs/promises";
import { annealHome } from "@anneal/checkpoint";
import { AnnealError, type PredictionResult, type PredictionSamples } from "@anneal/contracts";
import { ensureTensorflow } from "@anneal/provision";
import { type Command, Option } from "commander";
import { parseIndices, parseInputs } from "../options.ts";
import { type CommandResult, log } from "../output.ts";
import { formatTable } from "../render/table.ts";
import { formatMetric } from "../render/values.ts";
import { saySkipped } from "../runs/skipped.ts";
import { resolveTarget } from "../runs/target.ts";
import { type CommonOptions, defineCommand, finish } from "./define.ts";

interface PredictOptions extends CommonOptions {
  readonly test: string;
  readonly input?: string;
}

/** Outputs printed for each sample; `--json` has them all. */
const maxOutputs = 10;

export function predictCommand(): Command {
  return defineCommand(
    "predict <run|checkpoint>",
    "Run a trained model on test samples, or on inputs from a JSON file",
    `anneal predict mnist-1 --test 0-9,42
anneal predict mnist-1 --input samples.json   # a list with one (nested) list of numbers a sample`,
  )
    .addOption(new Option("--test <indices>", "samples of the test data").default("0-9"))
    .addOption(
      new Option("--input <file>", "inputs as the model takes them, after the recipe's transforms").conflicts("test"),
    )
    .action((target: string, options: PredictOptions) => finish(options, predict(annealHome(), target, options)));
}

async function predict(home: string, target: string, options: PredictOptions): Promise<CommandResult> {
  const path = resolveTarget(home, target);
  const samples: PredictionSamples =
    options.input === undefined
      ? { kind: "split", split: "test", indices: parseIndices(options.test) }
      : { kind: "inputs", inputs: parseInputs(await readInput(options.input)) };
  await ensureTensorflow({ log });
  const { predictWithCheckpoint } = await import("@anneal/training");
  const result = await predictWithCheckpoint(path, samples);
  saySkipped(result.skipped, log);
  return { document: result, text: formatPredictions(result) };
}

async function readInput(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

function unreadable(path: string, cause: unknown): AnnealError {
  return new AnnealError(
    "USAGE",
    `--input ${path} cannot be read.`,
    "Check the path of the JSON file.",
    { path },
    { cause },
  );
}

function formatPredictions({ predictions }: PredictionResult): string {
  const isClasses = predictions.some(({ predictedClass }) => predictedClass !== null);
  const rows = predictions.map(({ index, label, predictedClass, outputs }, position) => [
    String(index ?? position),
    ...(isClasses ? [String(predictedClass ?? "")] : []),
    label === null ? "" : String(label),
    outputs.slice(0, maxOutputs).map(formatMetric).join(" ") + (outputs.length > maxOutputs ? " …" : ""),
  ]);
  const table = formatTable(["sample", ...(isClasses ? ["predicted"] : []), "label", "outputs"], rows);
  const labelled = predictions.filter(({ label, predictedClass }) => label !== null && predictedClass !== null);
  const numRight = labelled.filter(({ label, predictedClass }) => label === predictedClass).length;
  return labelled.length === 0 ? table : `${table}\n${numRight} of ${labelled.length} right`;
}
