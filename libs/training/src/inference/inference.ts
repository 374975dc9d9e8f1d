import { stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { openCheckpointStore } from "@anneal/checkpoint";
import {
  AnnealError,
  type CheckpointReference,
  type DataSplit,
  type EvaluationResult,
  type ExportReport,
  type ExportSpec,
  type Manifest,
  type PredictionResult,
  type PredictionSamples,
} from "@anneal/contracts";
import { registerRecipeResolution } from "@anneal/runtime";
import type { LayersModel } from "@tensorflow/tfjs";
import { restoreTensors } from "../engine/tensor-copies.ts";
import { modelTargets, namedVariables } from "../engine/variables.ts";
import type { FunctionModel, Recipe } from "../recipe/define.ts";
import { guardRecipe } from "../recipe/guard.ts";
import { loadRecipe } from "../recipe/load.ts";
import { modelContext } from "../recipe/model-context.ts";
import { parseParameters } from "../recipe/parameters.ts";
import { spawnTrainer } from "../trainer/client.ts";
import { readModelRecord } from "../trainer/model-record.ts";
import { recordedEntry } from "../trainer/recipe-source.ts";

/** A trained model in this process, on whichever backend TensorFlow.js uses here. */
export interface LoadedModel {
  /** The recipe's model with the checkpoint's weights. */
  readonly model: LayersModel | FunctionModel;
  readonly recipe: Recipe;
  readonly manifest: Manifest;
  readonly checkpoint: CheckpointReference;
  /** Shape of one sample's input, without the batch. */
  readonly inputShape: readonly number[];
}

/**
 * The model of a checkpoint, or of a run's newest one, for use in TensorFlow.js: it takes float32 or int32 tensors
 * `[batch, ...inputShape]`, values as the recipe's transforms make them, and gives `[batch, ...outputShape]`. Works with any
 * backend; import `@tensorflow/tfjs-node-gpu` or another first to choose one. The model is the caller's to dispose.
 *
 * @param path folder of a checkpoint or of a run
 * @throws AnnealError CHECKPOINT_NOT_FOUND; CHECKPOINT_CORRUPT; CHECKPOINT_INCOMPATIBLE when the recipe's model has other
 *   variables than the checkpoint; RUN_NOT_FOUND for a checkpoint outside of its run's folder; RECIPE_NOT_FOUND,
 *   RECIPE_INVALID, RECIPE_THREW, PARAMETER_INVALID from the recipe's source that was kept with the run
 */
export async function loadModel(path: string): Promise<LoadedModel> {
  const { runDirectory, checkpoint: checkpointPath } = await locate(path);
  const store = openCheckpointStore(runDirectory);
  const checkpoint = checkpointPath ? await store.load(checkpointPath) : (await store.loadLatest())?.checkpoint;
  if (checkpoint === undefined) throw nothingThere(path);
  const { manifest, model: tensors, step, epoch, digest } = checkpoint;
  const { inputs, labels, numClasses } = await readModelRecord(runDirectory);
  registerRecipeResolution();
  const entry = await recordedEntry(runDirectory, manifest.recipe.digest);
  const recipe = await loadRecipe(entry);
  const parameters = parseParameters(recipe, manifest.parameters);
  const model = guardRecipe("model()", entry, () =>
    recipe.model(modelContext({ parameters, inputs, labels, numClasses })),
  );
  const tf = await import("@tensorflow/tfjs");
  restoreTensors(tf, modelTargets(namedVariables(model)), tensors, "model");
  return {
    model,
    recipe,
    manifest,
    checkpoint: { step, epoch, digest, path: checkpoint.path },
    inputShape: inputs.shape,
  };
}

/**
 * Metrics of a checkpoint (or a run's newest one) on its recipe's data as it is now, computed in a trainer process of its
 * own: means over the samples of the split, `loss` among them.
 *
 * @param path folder of a checkpoint or of a run
 * @param split null: the test data, else the validation data, else the train data
 * @throws AnnealError CHECKPOINT_NOT_FOUND, CHECKPOINT_CORRUPT, CHECKPOINT_INCOMPATIBLE, RUN_NOT_FOUND; DATASET_NOT_FOUND for
 *   a split that the recipe lacks; DATASET_CORRUPT, LABEL_OUT_OF_RANGE, TRANSFORM_FAILED from its data, RECIPE_* from its
 *   source; TRAINER_CRASHED, OUT_OF_MEMORY, TENSORFLOW_MISSING
 */
export async function evaluateCheckpoint(path: string, split: DataSplit | null = null): Promise<EvaluationResult> {
  const { runDirectory, checkpoint } = await locate(path);
  return withTrainer(runDirectory, (trainer) => trainer.evaluateCheckpoint(checkpoint, split));
}

/**
 * Outputs of a checkpoint (or a run's newest one) for samples, computed in a trainer process of its own: for each sample one
 * flat list of numbers, row-major in `outputShape`.
 *
 * @param path folder of a checkpoint or of a run
 * @param samples places in a split of the recipe's data; or inputs, each the flat row-major values of one sample after the
 *   recipe's transforms
 * @throws AnnealError PARAMETER_INVALID for a sample that there is not, or an input of another length; else as
 *   `evaluateCheckpoint`
 */
export async function predictWithCheckpoint(path: string, samples: PredictionSamples): Promise<PredictionResult> {
  const { runDirectory, checkpoint } = await locate(path);
  return withTrainer(runDirectory, (trainer) => trainer.predict(checkpoint, samples));
}

/**
 * Writes a checkpoint's model (or that of a run's newest one) in another format, in a trainer process of its own. The file is kept only once its
 * own runtime has given the model's outputs on held-out samples of the recipe's data.
 *
 * @param path folder of a checkpoint or of a run
 * @param directory absolute path of the folder that the file, its report and its model card go to
 * @throws AnnealError EXPORT_UNSUPPORTED, EXPORT_DISAGREES, RUNTIME_MISSING, RUNTIME_FAILED, TRACE_UNSUPPORTED; else as
 *   `evaluateCheckpoint`
 */
export async function exportCheckpoint(path: string, spec: ExportSpec, directory: string): Promise<ExportReport> {
  const { runDirectory, checkpoint } = await locate(path);
  return withTrainer(runDirectory, (trainer) => trainer.exportModel(checkpoint, spec, directory));
}

async function withTrainer<T>(
  runDirectory: string,
  use: (trainer: Awaited<ReturnType<typeof spawnTrainer>>) => Promise<T>,
): Promise<T> {
  const trainer = await spawnTrainer({ runDirectory });
  try {
    return await use(trainer);
  } finally {
    await trainer.close();
  }
}

/** A checkpoint's folder lies in `checkpoints` of its run's. */
async function locate(path: string): Promise<{ readonly runDirectory: string; readonly checkpoint: string | null }> {
  const absolute = resolve(path);
  if (await exists(join(absolute, "manifest.json"))) {
    return { runDirectory: dirname(dirname(absolute)), checkpoint: absolute };
  }
  if (await exists(join(absolute, "checkpoints"))) return { runDirectory: absolute, checkpoint: null };
  throw nothingThere(path);
}

function nothingThere(path: string): AnnealError {
  return new AnnealError(
    "CHECKPOINT_NOT_FOUND",
    `there is no checkpoint in ${path}`,
    "Give the folder of a checkpoint, or of a run that has one.",
    { path },
  );
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null)) !== null;
}
