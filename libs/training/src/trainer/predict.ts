import {
  AnnealError,
  type Prediction,
  type PredictionResult,
  type PredictionSamples,
  type SkippedCheckpoint,
} from "@anneal/contracts";
import { evaluationPlan, numElements, openFeed, pickSamples } from "@anneal/data";
import type { TrainerSession } from "./session.ts";

/** Runs the model in the session's memory on samples of the recipe's data, or on inputs that were given. */
export async function predictSamples(
  session: TrainerSession,
  samples: PredictionSamples,
  skipped: readonly SkippedCheckpoint[],
): Promise<PredictionResult> {
  const predictions =
    samples.kind === "split"
      ? await predictSplit(session, samples.split, samples.indices)
      : await predictInputs(session, samples.inputs);
  return { checkpoint: session.result([]).checkpoint, skipped, outputShape: session.outputShape, predictions };
}

async function predictSplit(
  session: TrainerSession,
  split: "train" | "validation" | "test",
  indices: readonly number[],
): Promise<Prediction[]> {
  const dataset = session.setup.datasets[split];
  if (dataset === null) throw noData(split);
  const wrong = indices.find((index) => !Number.isInteger(index) || index < 0 || index >= dataset.numSamples);
  if (wrong !== undefined) throw outOfRange(`there is no sample ${wrong}: ${split} has ${dataset.numSamples}`);
  if (indices.length === 0) return [];
  const plan = evaluationPlan({
    dataset: pickSamples(dataset, indices),
    batchSize: Math.min(session.setup.training.evaluationBatchSize, indices.length),
    seed: session.options.spec.seed,
  });
  const feed = openFeed({ plan, startItem: 0, numSlots: 2, numThreads: 1 });
  try {
    feed.start();
    const { outputs, labels } = await session.predictFeed(feed.handles);
    const size = numElements(session.outputShape);
    const labelSize = numElements(dataset.labels.shape);
    const allOutputs = outputs.flatMap((batch) => Array.from(batch));
    const allLabels = labels.flat();
    return indices.map((index, position) =>
      describe(
        session,
        index,
        allOutputs.slice(position * size, (position + 1) * size),
        labelSize === 1 ? (allLabels[position] ?? null) : null,
      ),
    );
  } finally {
    await feed.close();
  }
}

async function predictInputs(session: TrainerSession, inputs: readonly (readonly number[])[]): Promise<Prediction[]> {
  const field = session.setup.datasets.train.inputs;
  const size = numElements(field.shape);
  const wrong = inputs.find((input) => input.length !== size);
  if (wrong !== undefined) {
    throw outOfRange(`an input has ${wrong.length} numbers; the model takes ${size} ([${field.shape.join(",")}])`);
  }
  if (inputs.length === 0) return [];
  const values = field.dtype === "int32" ? Int32Array.from(inputs.flat()) : Float32Array.from(inputs.flat());
  const outputs = Array.from(await session.predict(values, inputs.length));
  const outputSize = numElements(session.outputShape);
  return inputs.map((_, at) => describe(session, null, outputs.slice(at * outputSize, (at + 1) * outputSize), null));
}

function describe(session: TrainerSession, index: number | null, outputs: number[], label: number | null): Prediction {
  // One score a class; of a sequence there are classes at every place.
  const hasClasses = session.setup.datasets.train.numClasses !== null && session.outputShape.length === 1;
  const isClasses = hasClasses && outputs.length > 1;
  return { index, outputs, predictedClass: isClasses ? outputs.indexOf(Math.max(...outputs)) : null, label };
}

function noData(split: string): AnnealError {
  return new AnnealError(
    "DATASET_NOT_FOUND",
    `the recipe has no ${split} data`,
    "Give inputs of your own (anneal predict --input), or give the recipe such data.",
    { split },
  );
}

function outOfRange(message: string): AnnealError {
  return new AnnealError("PARAMETER_INVALID", message, "Give samples that exist, in the shape that the model takes.");
}
