import { numElements } from "@anneal/data";
import { microBatchSizes } from "@anneal/policy";
import { type FeedValues, stepKey } from "@anneal/runtime";
import { scalarsOf } from "../optimizers/compiled-optimizer.ts";
import { checkBatch } from "./recipe-step.ts";
import { type Batch, type EngineOptions, type StepScalars, scalesLoss } from "./step-engine.ts";
import { type Call, callOf } from "./step-program/entries.ts";

/** A call of the session, and what it is given. */
export interface StepCall {
  readonly call: Call;
  readonly feeds: readonly FeedValues[];
}

/** Whether a step is several calls: one for each part of its batch, and one that updates. */
export function isParted({ microBatches = 1 }: EngineOptions): boolean {
  return microBatches > 1;
}

/** Whether a call may make several steps: not where a step is several calls, nor where it may change the next one's loss scale. */
export function mayGroup(options: EngineOptions): boolean {
  return !isParted(options) && !scalesLoss(options);
}

/** Whether anything is computed in another format than float32, so that there is something to compare with it. */
export function hasShadow({ precision = "float32", layerPrecision = {} }: EngineOptions): boolean {
  return [precision, ...Object.values(layerPrecision)].some((format) => format !== "float32");
}

/** Sizes of the parts that a batch is taken in. */
export function partSizes(options: EngineOptions, numSamples: number): readonly number[] {
  const { batchSize, microBatches = 1 } = options;
  return isParted(options) ? microBatchSizes(numSamples, batchSize, microBatches) : [numSamples];
}

/** The parts of a batch, in its own memory. */
export function partsOf(options: EngineOptions, batch: Batch): readonly Batch[] {
  const { inputs, labels, numSamples } = batch;
  checkBatch(inputs, options.inputs, numSamples);
  checkBatch(labels, options.labels, numSamples);
  const sizes = partSizes(options, numSamples);
  if (sizes.length === 1) return [batch];
  const [inputSize, labelSize] = [numElements(options.inputs.shape), numElements(options.labels.shape)];
  let end = 0;
  return sizes.map((size) => {
    const start = end;
    end += size;
    return {
      numSamples: size,
      inputs: inputs.subarray(start * inputSize, end * inputSize),
      labels: labels.subarray(start * labelSize, end * labelSize),
    };
  });
}

/** The calls that train, for a batch of so many samples and so many steps: what has to be compiled. */
export function trainKinds(options: EngineOptions, numSamples: number, numSteps = 1): readonly Call[] {
  if (!isParted(options)) return [callOf.train(numSamples, numSteps)];
  const sizes = [...new Set(partSizes(options, numSamples))];
  return [...sizes.map((size) => callOf.accumulate(size)), callOf.apply, callOf.clear];
}

/** One call that trains on batches of one size, one step each. `numUpdates` were made before. */
export function trainCall(
  options: EngineOptions,
  batches: readonly Batch[],
  scalars: readonly StepScalars[],
  numUpdates: number,
): StepCall {
  const { numSamples } = batches[0]!;
  const feeds = batches.flatMap((batch, index): readonly FeedValues[] => {
    if (batch.numSamples !== numSamples) throw new RangeError("batches of one call must have one size");
    const { step, learningRate, lossScale = 1 } = scalars[index]!;
    return [
      ...batchFeedValues(options, batch, step, 0),
      scalarsOf(options.optimizer, learningRate, numUpdates + index + 1),
      ...(scalesLoss(options) ? [Float32Array.of(lossScale)] : []),
    ];
  });
  return { call: callOf.train(numSamples, batches.length), feeds };
}

/** Calls that sum the gradients of a batch part by part, and the one that updates. */
export function partedCalls(
  options: EngineOptions,
  batch: Batch,
  { step, learningRate, lossScale = 1 }: StepScalars,
  numUpdates: number,
): { readonly parts: readonly (StepCall & { readonly numSamples: number })[]; readonly apply: StepCall } {
  const scale = scalesLoss(options) ? lossScale : 1;
  return {
    parts: partsOf(options, batch).map((part, index) => {
      const share = (part.numSamples / batch.numSamples) * scale;
      const feeds = [...batchFeedValues(options, part, step, index), Float32Array.of(share)];
      return { call: callOf.accumulate(part.numSamples), feeds, numSamples: part.numSamples };
    }),
    apply: {
      call: callOf.apply,
      feeds: [
        scalarsOf(options.optimizer, learningRate, numUpdates + 1),
        Float32Array.of(0),
        ...(scalesLoss(options) ? [Float32Array.of(scale)] : []),
      ],
    },
  };
}

export const clearCall: StepCall = { call: callOf.clear, feeds: [Float32Array.of(0)] };

/** Calls for a batch that nothing is updated by, part by part: metrics of it, or its loss in float32. */
export function readingCalls(kind: "evaluate" | "shadow", options: EngineOptions, batch: Batch, step: number) {
  return partsOf(options, batch).map((part, index) => ({
    call: callOf[kind](part.numSamples),
    feeds: batchFeedValues(options, part, step, index),
    numSamples: part.numSamples,
  }));
}

/** What every labelled batch feeds: inputs, labels, the step. */
function batchFeedValues(
  options: EngineOptions,
  { inputs, labels, numSamples }: Batch,
  step: number,
  part: number,
): readonly FeedValues[] {
  checkBatch(inputs, options.inputs, numSamples);
  checkBatch(labels, options.labels, numSamples);
  return [inputs as FeedValues, labels as FeedValues, Int32Array.of(stepKey(step, part))];
}
