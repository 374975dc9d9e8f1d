import { join, resolve } from "node:path";
import { annealHome } from "@anneal/checkpoint";
import {
  type ExportFormat,
  type ExportPrecision,
  type ExportReport,
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
  readonly out?: string;
}

export function exportCommand(): Command {
  return defineCommand(
    "export <run|checkpoint>",
    "Write a trained model for another runtime; the file is kept only once that runtime gives the model's outputs",
    `anneal export mnist-1
anneal export ./best/step-000000469-1f0c33aa --format onnx --out ./models`,
  )
    .addOption(new Option("--format <format>", "file format").choices(exportFormats).default("onnx"))
    .addOption(
      new Option("--precision <precision>", "number format of weights and arithmetic")
        .choices(exportPrecisions)
        .default("float32"),
    )
    .option("--out <folder>", "where the file, its report and its model card go (default: exports in the run's folder)")
    .action((target: string, options: ExportOptions) => finish(options, exportTarget(annealHome(), target, options)));
}

async function exportTarget(home: string, target: string, options: ExportOptions): Promise<CommandResult> {
  const path = resolveTarget(home, target);
  const { format, precision } = options;
  const spec = exportSpecSchema.parse({ format, precision });
  const directory = resolve(options.out ?? join(path, "exports"));
  await ensureTensorflow({ log });
  const { exportCheckpoint } = await import("@anneal/training");
  const report: ExportReport = await exportCheckpoint(path, spec, directory);
  return { document: report, text: formatExport(report) };
}
