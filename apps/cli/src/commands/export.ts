import { join, resolve } from "node:path";
import { annealHome } from "@anneal/checkpoint";
import {
  AnnealError,
  type CalibrationMethod,
  calibrationMethods,
  type ExportFormat,
  type ExportPrecision,
  type ExportReport,
  type ExportSpec,
  exportFormats,
  exportPrecisions,
  exportSpecSchema,
} from "@anneal/contracts";
import { ensureTensorflow } from "@anneal/provision";
import { type Command, Option } from "commander";
import { type CommandResult, log } from "../output.ts";
import { formatExport } from "../render/export.ts";
import { resolveTarget } from "../runs/target.ts";
import { type CommonOptions, defineCommand, finish } from "./define.ts";

interface ExportOptions extends CommonOptions {
  readonly format: ExportFormat;
  readonly precision: ExportPrecision;
  readonly calibration: CalibrationMethod;
  readonly calibrationSamples: number;
  readonly maxDrop?: number;
  readonly out?: string;
}

export function exportCommand(): Command {
  return defineCommand(
    "export <run|checkpoint>",
    "Write a trained model for another runtime; the file is kept only once that runtime gives the model's outputs",
    `anneal export mnist-1
anneal export mnist-1 --precision int8 --calibration entropy --max-drop 0.5
anneal export ./best/step-000000469-1f0c33aa --format onnx --out ./models`,
  )
    .addOption(new Option("--format <format>", "file format").choices(exportFormats).default("onnx"))
    .addOption(
      new Option("--precision <precision>", "number format of weights and arithmetic")
        .choices(exportPrecisions)
        .default("float32"),
    )
    .addOption(
      new Option("--calibration <method>", "how ranges of activations are found (int8)")
        .choices(calibrationMethods)
        .default("minmax"),
    )
    .option("--calibration-samples <n>", "training samples that ranges are found with (int8)", Number, 128)
    .option(
      "--max-drop <points>",
      "points of accuracy that the file may lose: layers that lose the most are kept in float32 until it holds",
      Number,
    )
    .option("--out <folder>", "where the file, its report and its model card go (default: exports in the run's folder)")
    .action((target: string, options: ExportOptions) => finish(options, exportTarget(annealHome(), target, options)));
}

async function exportTarget(home: string, target: string, options: ExportOptions): Promise<CommandResult> {
  const path = resolveTarget(home, target);
  const spec = specOf(options);
  const directory = resolve(options.out ?? join(path, "exports"));
  await ensureTensorflow({ log });
  const { exportCheckpoint } = await import("@anneal/training");
  const report: ExportReport = await exportCheckpoint(path, spec, directory);
  return { document: report, text: formatExport(report) };
}

function specOf({ format, precision, calibration, calibrationSamples, maxDrop }: ExportOptions): ExportSpec {
  const asked = { format, precision, calibration, calibrationSamples, maxDrop: maxDrop ?? null };
  const parsed = exportSpecSchema.safeParse(asked);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new AnnealError("USAGE", `${issue!.path.join(".")}: ${issue!.message}`, "See anneal export --help.");
}
