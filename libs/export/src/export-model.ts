import { createHash } from "node:crypto";
import { closeSync, mkdirSync, mkdtempSync, openSync, renameSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import {
  AnnealError,
  type CheckpointReference,
  type EvaluationResult,
  type ExportReport,
  type ExportSpec,
  type Metrics,
  type ModelMeasures,
} from "@anneal/contracts";
import type { TensorflowBackend } from "@anneal/runtime";
import type { Exporter, WriteRequest } from "./formats/exporter.ts";
import { exporters } from "./formats/index.ts";
import { compareOutputs, differenceBounds, isWithin } from "./gate/agreement.ts";
import { firstDifference, inWords } from "./gate/first-difference.ts";
import type { PredictModel } from "./model/predict-model.ts";
import { describeModel } from "./report/describe-model.ts";
import { modelCard } from "./report/model-card.ts";
import type { Samples } from "./runtimes/runtime.ts";
import { unsupportedPrecision } from "./unsupported.ts";

/** Held-out samples, with what the model itself makes of them. */
export interface HeldOut extends Samples {
  readonly split: EvaluationResult["split"];
  /** Outputs of the model for all samples. */
  readonly outputs: Float32Array;
  /** Metrics of any outputs for these samples. */
  readonly judge: (outputs: Float32Array) => Metrics;
}

/** What is known of a model beside its graph. */
export interface ModelFacts {
  readonly recipe: ExportReport["recipe"];
  readonly checkpoint: CheckpointReference;
  /** Whether each output of a sample is the score of a class. */
  readonly areClasses: boolean;
  /** The model before it is exported, but for its metrics. */
  readonly measures: Omit<ModelMeasures, "metrics">;
}

export interface ExportRequest {
  readonly model: PredictModel;
  readonly spec: ExportSpec;
  readonly facts: ModelFacts;
  readonly heldOut: HeldOut;
  /** TensorFlow, to look inside of the model where its file differs. */
  readonly backend: TensorflowBackend;
  /** Folder of the file and its card; made if it is not there. */
  readonly directory: string;
  /** By default the one of the format. Another only to show that the gate finds what is wrong. */
  readonly exporter?: Exporter;
}

/** Calls of one sample whose time is taken. */
const numTimed = 200;
/** Of the files that are run. */
const batchSize = 64;

/**
 * Writes a model to `<recipe>.<extension>`, and keeps it only once its own runtime has given the model's outputs for held-out samples.
 * Beside it lie the report (JSON) and the model card (Markdown).
 *
 * @throws AnnealError EXPORT_UNSUPPORTED before anything is written; EXPORT_DISAGREES where outputs part, with the first layer that does;
 *   RUNTIME_MISSING, RUNTIME_FAILED. No file is left behind then
 */
export async function exportModel(request: ExportRequest): Promise<ExportReport> {
  const { model, spec, facts, heldOut, directory } = request;
  const exporter = request.exporter ?? exporters[spec.format];
  if (!exporter.precisions.includes(spec.precision)) {
    throw unsupportedPrecision(exporter.title, spec.precision, exporter.precisions);
  }
  const { split, numSamples, type, values } = heldOut;
  const samples: Samples = { numSamples, type, values };
  const writing: WriteRequest = { model, precision: spec.precision, metadata: describeModel(request) };
  const prepared = exporter.prepare(writing);
  mkdirSync(directory, { recursive: true });
  const staging = mkdtempSync(join(directory, ".export-"));
  try {
    const staged = join(staging, `model${exporter.extension}`);
    const written = writeTo(staged, prepared.write);
    const fixed = model.fixedBatch?.numSamples ?? null;
    const run = await exporter.runtime.run({
      path: staged,
      samples,
      batchSize: fixed ?? batchSize,
      outputs: prepared.outputs.filter((name) => name !== null),
      numTimed: fixed === null || fixed === 1 ? numTimed : 0,
    });
    const { areClasses } = facts;
    const [outputs] = run.outputs as [Float32Array];
    const difference = compareOutputs(heldOut.outputs, outputs, { numSamples, areClasses });
    const bound = differenceBounds[spec.precision];
    if (!isWithin(difference, bound)) {
      const search = { exporter, request: writing, samples, bound, backend: request.backend };
      const found = await firstDifference({
        ...search,
        writeFile: (probed) => {
          const { outputs: names, write } = exporter.prepare(probed);
          const path = join(staging, `probed${exporter.extension}`);
          writeTo(path, write);
          return { path, outputs: names };
        },
      });
      throw disagrees(exporter, difference.largest, bound.largest, inWords(found), found?.layer ?? null);
    }
    const path = join(directory, `${facts.recipe.name}${exporter.extension}`);
    const report: ExportReport = {
      spec,
      recipe: facts.recipe,
      checkpoint: facts.checkpoint,
      file: { path, ...written },
      cardPath: join(directory, `${facts.recipe.name}${exporter.extension}.md`),
      ops: prepared.ops,
      input: describeTensor(model.inputs[0]!),
      output: describeTensor(model.outputs[0]!),
      fixedBatch: model.fixedBatch,
      runtime: { name: exporter.runtime.name, version: run.version },
      heldOut: { split, numSamples },
      difference,
      bound,
      before: { ...facts.measures, metrics: heldOut.judge(heldOut.outputs) },
      after: { numBytes: written.numBytes, metrics: heldOut.judge(outputs), times: run.times },
    };
    writeFileSync(`${path}.json`, `${JSON.stringify(report, null, 2)}\n`);
    writeFileSync(report.cardPath, modelCard(report, exporter));
    // The file last: where there is one, it was proven and is described.
    renameSync(staged, path);
    return report;
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

function writeTo(path: string, write: (sink: (bytes: Uint8Array) => void) => void) {
  const hash = createHash("sha256");
  let numBytes = 0;
  const file = openSync(path, "w");
  try {
    write((bytes) => {
      hash.update(bytes);
      numBytes += bytes.length;
      for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
    });
  } finally {
    closeSync(file);
  }
  return { numBytes, sha256: hash.digest("hex") };
}

function describeTensor({ name, value }: PredictModel["inputs"][number]) {
  const { dtype, shape } = value.node.outputs[value.index]!;
  return { name, dtype, shape: shape.slice(1) };
}

function disagrees(
  { title, runtime }: Exporter,
  largest: number,
  allowed: number | null,
  where: string,
  layer: string | null,
): AnnealError {
  return new AnnealError(
    "EXPORT_DISAGREES",
    `the ${title} file gives other outputs than the model in ${runtime.name}: ${where}`,
    "No file was kept. Export in another precision or format; in float32 this is a defect of Anneal: please report it.",
    { format: title, largest: String(largest), allowed, layer },
  );
}
