import { AnnealError } from "@anneal/contracts";
import { type FieldSpec, formatField } from "@anneal/sources";
import type { OpenDataset } from "./open.ts";
import type { FeedPhase, Schedule } from "./schedule.ts";

/** A schedule with the data it runs over. */
export interface FeedPlan extends Schedule {
  readonly datasets: Readonly<Partial<Record<FeedPhase, OpenDataset>>>;
  /** Fields of every batch, without the batch dimension: the same for all phases. */
  readonly inputs: FieldSpec;
  readonly labels: FieldSpec;
}

/** The plan of a training. Throws `SHAPE_MISMATCH` if train and validation differ in their fields. */
export function trainingPlan(options: {
  readonly train: OpenDataset;
  readonly validation: OpenDataset | null;
  readonly batchSize: number;
  readonly seed: number;
  readonly epochs: number;
  readonly shuffle?: boolean;
}): FeedPlan {
  const { train, validation, batchSize, seed, epochs, shuffle = true } = options;
  requireSamples(train, "train");
  const datasets: Partial<Record<FeedPhase, OpenDataset>> = { train };
  const phases: { phase: FeedPhase; numSamples: number }[] = [{ phase: "train", numSamples: train.numSamples }];
  if (validation !== null && validation.numSamples > 0) {
    requireSameFields(train, validation);
    datasets.validation = validation;
    phases.push({ phase: "validation", numSamples: validation.numSamples });
  }
  const { inputs, labels } = train;
  return { seed, batchSize: requireBatchSize(batchSize), epochs, phases, shuffle, datasets, inputs, labels };
}

/** The plan of one pass over a data set, in its order. */
export function evaluationPlan(options: {
  readonly dataset: OpenDataset;
  readonly batchSize: number;
  readonly seed: number;
}): FeedPlan {
  const { dataset, batchSize, seed } = options;
  requireSamples(dataset, "evaluation");
  return {
    seed,
    batchSize: requireBatchSize(batchSize),
    epochs: 1,
    phases: [{ phase: "evaluation", numSamples: dataset.numSamples }],
    shuffle: false,
    datasets: { evaluation: dataset },
    inputs: dataset.inputs,
    labels: dataset.labels,
  };
}

function requireBatchSize(batchSize: number): number {
  if (Number.isInteger(batchSize) && batchSize >= 1) return batchSize;
  throw new AnnealError(
    "PARAMETER_INVALID",
    `The batch size must be a positive integer, not ${batchSize}.`,
    "Give a batch size of 1 or more.",
    { batchSize },
  );
}

function requireSamples(dataset: OpenDataset, phase: FeedPhase): void {
  if (dataset.numSamples > 0) return;
  throw new AnnealError(
    "DATASET_CORRUPT",
    `The ${phase} data set has no samples.`,
    "Check its selections and its file.",
    {
      phase,
      expected: "1 sample or more",
      found: 0,
    },
  );
}

function requireSameFields(train: OpenDataset, validation: OpenDataset): void {
  for (const name of ["inputs", "labels"] as const) {
    const expected = formatField(train[name]);
    const found = formatField(validation[name]);
    if (expected === found) continue;
    throw new AnnealError(
      "SHAPE_MISMATCH",
      `The ${name} of the validation data are ${found}, those of the train data ${expected}.`,
      "Give both the same transforms, except for augmentation that keeps the shape.",
      { field: name, expected, found },
    );
  }
}
