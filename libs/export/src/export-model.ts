import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  AnnealError,
  type CheckpointReference,
  calibratedPrecisions,
  type DifferenceBound,
  type EvaluationResult,
  type ExportReport,
  type ExportSpec,
  type LayerLoss,
  type Metrics,
  type ModelMeasures,
  type OutputDifference,
  type QuantizationReport,
} from "@anneal/contracts";
import type { TensorflowBackend } from "@anneal/runtime";
import type { Exporter, WriteRequest } from "./formats/exporter.ts";
import { exporters } from "./formats/index.ts";
import { differenceBounds, isWithin } from "./gate/agreement.ts";
import { chooseLayers, type JudgedProof, losesTooMuch } from "./gate/choose-layers.ts";
import { type FirstDifference, firstDifference, inWords } from "./gate/first-difference.ts";
import { type KnownSamples, writeTo } from "./gate/prove-file.ts";
import { measureRanges } from "./model/measure-ranges.ts";
import type { PredictModel } from "./model/predict-model.ts";
import { describeModel } from "./report/describe-model.ts";
import { modelCard } from "./report/model-card.ts";
import type { Samples } from "./runtimes/runtime.ts";
import { unsupportedPrecision } from "./unsupported.ts";

/** Held-out samples, with what the model itself makes of them. */
export interface HeldOut extends KnownSamples {
  readonly split: EvaluationResult["split"];
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
  /** Training samples that ranges are found with; null where the precision needs none. */
  readonly calibration: Samples | null;
  /** TensorFlow, to look inside of the model where its file differs. */
  readonly backend: TensorflowBackend;
  /** Folder of the file and its card; made if it is not there. */
  readonly directory: string;
  /** By default the one of the format. Another only to show that the gate finds what is wrong. */
  readonly exporter?: Exporter;
}

/**
 * Writes a model to `<recipe>.<extension>`, and keeps it only once its own runtime has given the model's outputs for held-out samples.
 * Beside it lie the report (JSON) and the model card (Markdown).
 *
 * @throws AnnealError EXPORT_UNSUPPORTED before anything is written; EXPORT_DISAGREES where outputs part, with the first layer that does, or
 *   where more accuracy is lost than may be; RUNTIME_MISSING, RUNTIME_FAILED. No file is left behind then
 */
export async function exportModel(request: ExportRequest): Promise<ExportReport> {
  const { model, spec, facts, heldOut, directory } = request;
  const exporter = request.exporter ?? exporters[spec.format];
  if (!exporter.precisions.includes(spec.precision)) {
    throw unsupportedPrecision(exporter.title, spec.precision, exporter.precisions);
  }
  const before = heldOut.judge(heldOut.outputs);
  if (spec.maxDrop !== null && before.accuracy === undefined) throw noAccuracy();
  const writing = writeRequestOf(request);
  // What cannot be written is said before anything is.
  exporter.prepare(writing);
  mkdirSync(directory, { recursive: true });
  const staging = mkdtempSync(join(directory, ".export-"));
  try {
    const bound = differenceBounds[spec.precision];
    const { maxDrop } = spec;
    const { accuracy } = before;
    const choice = { request: writing, exporter, samples: heldOut, areClasses: facts.areClasses, bound };
    const { proof, layers } = await chooseLayers({ ...choice, maxDrop, accuracy, staging });
    if (!isWithin(proof.difference, bound)) throw await differs(request, proof, exporter, staging);
    if (losesTooMuch(proof.drop, maxDrop)) throw loses(exporter, proof.drop!, maxDrop!);
    const { split, numSamples } = heldOut;
    const path = join(directory, `${facts.recipe.name}${exporter.extension}`);
    const report: ExportReport = {
      spec,
      recipe: facts.recipe,
      checkpoint: facts.checkpoint,
      file: { path, ...proof.written },
      cardPath: join(directory, `${facts.recipe.name}${exporter.extension}.md`),
      ops: proof.prepared.ops,
      input: describeTensor(model.inputs[0]!),
      output: describeTensor(model.outputs[0]!),
      fixedBatch: model.fixedBatch,
      runtime: { name: exporter.runtime.name, version: proof.run.version },
      heldOut: { split, numSamples },
      difference: proof.difference,
      bound,
      quantization: quantizationOf(request, proof, layers),
      before: { ...facts.measures, metrics: before },
      after: { numBytes: proof.written.numBytes, metrics: proof.metrics, times: proof.run.times },
    };
    writeFileSync(`${path}.json`, `${JSON.stringify(report, null, 2)}\n`);
    writeFileSync(report.cardPath, modelCard(report, exporter));
    // The file last: where there is one, it was proven and is described.
    renameSync(proof.path, path);
    return report;
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

function writeRequestOf(request: ExportRequest): WriteRequest {
  const { model, spec, calibration, backend } = request;
  const writing = { model, precision: spec.precision, metadata: describeModel(request) };
  if (!calibratedPrecisions.includes(spec.precision)) return writing;
  if (calibration === null) throw new RangeError(`${spec.precision} needs samples to find ranges with`);
  const rangeOf = measureRanges(model, { method: spec.calibration, samples: calibration, backend });
  return { ...writing, rangeOf };
}

function quantizationOf(
  { spec, calibration }: ExportRequest,
  { prepared, drop }: JudgedProof,
  layers: readonly LayerLoss[] | null,
): QuantizationReport | null {
  const { quantized = [] } = prepared;
  if (quantized.length === 0 && layers === null) return null;
  const { numSamples } = calibration ?? { numSamples: 0 };
  const isCalibrated = calibratedPrecisions.includes(spec.precision);
  return {
    calibration: isCalibrated ? { method: spec.calibration, numSamples } : null,
    numLayers: quantized.length,
    drop,
    layers,
  };
}

/** The error for a file whose outputs are too far away, which names where they part. */
async function differs(
  { heldOut, backend }: ExportRequest,
  { request, difference }: JudgedProof,
  exporter: Exporter,
  staging: string,
): Promise<AnnealError> {
  const { numSamples, type, values } = heldOut;
  const bound = differenceBounds[request.precision];
  const found = await firstDifference({
    exporter,
    request,
    samples: { numSamples, type, values },
    bound,
    backend,
    writeFile: (probed) => {
      const { outputs: names, write } = exporter.prepare(probed);
      const path = join(staging, `probed${exporter.extension}`);
      writeTo(path, write);
      return { path, outputs: names };
    },
  });
  return disagrees(exporter, difference, bound, found);
}

function describeTensor({ name, value }: PredictModel["inputs"][number]) {
  const { dtype, shape } = value.node.outputs[value.index]!;
  return { name, dtype, shape: shape.slice(1) };
}

function disagrees(
  { title, runtime }: Exporter,
  { largest, rootMeanSquare }: OutputDifference,
  bound: DifferenceBound,
  found: FirstDifference | null,
): AnnealError {
  return new AnnealError(
    "EXPORT_DISAGREES",
    `the ${title} file gives other outputs than the model in ${runtime.name}: ${inWords(found)}`,
    "No file was kept. Export in another precision or format, or of whole numbers with --max-drop, which keeps layers in float32; in float32 this is a defect of Anneal: please report it.",
    {
      format: title,
      largest: String(largest),
      rootMeanSquare: String(rootMeanSquare),
      allowed: bound.largest ?? bound.rootMeanSquare,
      layer: found?.layer ?? null,
    },
  );
}

function loses({ title }: Exporter, drop: number, maxDrop: number): AnnealError {
  return new AnnealError(
    "EXPORT_DISAGREES",
    `the ${title} file loses ${drop.toFixed(2)} points of accuracy, and may lose ${maxDrop}`,
    "No file was kept. Allow more with --max-drop, or export in another precision.",
    { format: title, drop, maxDrop },
  );
}

function noAccuracy(): AnnealError {
  return new AnnealError(
    "PARAMETER_INVALID",
    "the recipe has no metric called accuracy, whose loss could be bounded",
    "Leave --max-drop out, or give the recipe `metrics: { accuracy: accuracy() }`.",
    { parameter: "maxDrop" },
  );
}
