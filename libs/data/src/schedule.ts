/** What the batches of an item are for. */
export type FeedPhase = "train" | "validation" | "evaluation";

/**
 * The linear order of a feed: in each epoch the train batches, then the validation batches. An evaluation is a
 * schedule of one epoch with nothing to train. Numbers only, so that every thread can compute with it.
 */
export interface Schedule {
  readonly seed: number;
  readonly batchSize: number;
  readonly epochs: number;
  /** Phases of an epoch, in order; those without samples are left out. */
  readonly phases: readonly { readonly phase: FeedPhase; readonly numSamples: number }[];
  /** Train samples in a new order each epoch; the other phases always keep theirs. */
  readonly shuffle: boolean;
}

/** One batch of the linear sequence. */
export interface ScheduleItem {
  /** From 0. */
  readonly epoch: number;
  readonly phase: FeedPhase;
  /** Batch within the phase, from 0. */
  readonly batch: number;
  /** Samples in this batch: the last one of a phase may be partial. */
  readonly numSamples: number;
  readonly isLastOfPhase: boolean;
}

function numBatches(schedule: Schedule, numSamples: number): number {
  return Math.ceil(numSamples / schedule.batchSize);
}

export function itemsPerEpoch(schedule: Schedule): number {
  return schedule.phases.reduce((sum, { numSamples }) => sum + numBatches(schedule, numSamples), 0);
}

/** Train batches of an epoch. */
export function stepsPerEpoch(schedule: Schedule): number {
  const train = schedule.phases.find(({ phase }) => phase === "train");
  return train === undefined ? 0 : numBatches(schedule, train.numSamples);
}

export function numItems(schedule: Schedule): number {
  return schedule.epochs * itemsPerEpoch(schedule);
}

/** The item at a place of the sequence, 0 .. numItems - 1. */
export function itemAt(schedule: Schedule, index: number): ScheduleItem {
  if (!Number.isInteger(index) || index < 0 || index >= numItems(schedule)) {
    throw new RangeError(`item ${index} is not within 0..${numItems(schedule) - 1}`);
  }
  const perEpoch = itemsPerEpoch(schedule);
  const epoch = Math.floor(index / perEpoch);
  let batch = index % perEpoch;
  for (const { phase, numSamples } of schedule.phases) {
    const count = numBatches(schedule, numSamples);
    if (batch < count) {
      const left = numSamples - batch * schedule.batchSize;
      const isLastOfPhase = batch === count - 1;
      return { epoch, phase, batch, numSamples: Math.min(schedule.batchSize, left), isLastOfPhase };
    }
    batch -= count;
  }
  throw new RangeError(`item ${index} lies in no phase`);
}

/** The item of a train step, counted from 0: the cursor of a run that has completed `step` steps of its epoch. */
export function itemOfStep(schedule: Schedule, step: number): number {
  const steps = stepsPerEpoch(schedule);
  if (steps === 0) throw new RangeError("a schedule without train samples has no steps");
  return Math.floor(step / steps) * itemsPerEpoch(schedule) + (step % steps);
}
