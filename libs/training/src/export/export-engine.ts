import type { ExportReport, Metrics } from "@anneal/contracts";
import { type FieldSpec, type RingHandles, RingReader, type TypedArray } from "@anneal/data";
import { exportModel, type HeldOut, percentiles, prepareModel, type Samples } from "@anneal/export";
import type { TensorflowBackend } from "@anneal/runtime";
import type { StepEngine } from "../engine/step-engine.ts";
import { addBatch, emptyAccumulator, meansOf } from "../loop/bookkeeping.ts";
import type { ExportCall } from "../trainer/engine-protocol.ts";
import { weightsOf } from "./model-weights.ts";

/** What of an engine's options a model is described by. */
export interface ExportedEngine {
  readonly engine: StepEngine;
  readonly inputs: FieldSpec;
  readonly outputShape: readonly number[];
  readonly backend: TensorflowBackend;
}

/** Calls of one sample whose time is taken. */
const numTimed = 100;
const numWarmUps = 5;

/** Exports the model that an engine holds, at the weights that it holds. */
export async function exportEngine(
  { engine, inputs, outputShape, backend }: ExportedEngine,
  { spec, facts, directory, split, heldOut, calibration }: ExportCall,
): Promise<ExportReport> {
  const batches = takeAll(heldOut);
  const outputs = batches.map((batch) => engine.predictBatch(batch.inputs, batch.numSamples));
  const model = prepareModel({
    trace: (numSamples) => engine.tracePredict(numSamples),
    weights: weightsOf(engine.readState().model),
  });
  const samplesOf = (taken: readonly TakenBatch[]): Samples => ({
    numSamples: taken.reduce((sum, { numSamples }) => sum + numSamples, 0),
    type: inputs,
    values: concatenated(taken.map((batch) => batch.inputs)) as HeldOut["values"],
  });
  const samples: HeldOut = {
    ...samplesOf(batches),
    split,
    outputs: concatenated(outputs) as Float32Array,
    judge: (given) => judge(engine, given, outputShape, batches),
  };
  const { modelBytes, loadMs, ...known } = facts;
  const measures = { numBytes: modelBytes, times: { loadMs, ...timesOf(engine, batches[0]!) } };
  return exportModel({
    model,
    spec,
    facts: { ...known, measures },
    heldOut: samples,
    calibration: calibration === null ? null : samplesOf(takeAll(calibration)),
    backend,
    directory,
  });
}

interface TakenBatch {
  readonly numSamples: number;
  readonly inputs: TypedArray;
  readonly labels: TypedArray;
}

/** Batches in memory of their own. */
function takeAll(ring: RingHandles): readonly TakenBatch[] {
  const source = new RingReader(ring);
  const batches: TakenBatch[] = [];
  for (let item = source.next(); item !== null; item = source.next()) {
    const { numSamples, inputs, labels } = item;
    batches.push({ numSamples, inputs: inputs.slice(), labels: labels.slice() });
    source.release(item.index);
  }
  return batches;
}

function judge(
  engine: StepEngine,
  outputs: Float32Array,
  outputShape: readonly number[],
  batches: readonly TakenBatch[],
): Metrics {
  const size = outputShape.reduce((product, each) => product * each, 1);
  let at = 0;
  let sums = emptyAccumulator;
  for (const { numSamples, labels } of batches) {
    const part = outputs.subarray(at, at + numSamples * size);
    sums = addBatch(sums, engine.judgeOutputs({ numSamples, outputs: part, outputShape, labels }));
    at += numSamples * size;
  }
  return meansOf(sums);
}

/** Of the model as it was trained: one sample after another. */
function timesOf(engine: StepEngine, { inputs, numSamples }: TakenBatch) {
  const size = inputs.length / numSamples;
  const times: number[] = [];
  for (let index = 0; index < numWarmUps + numTimed; index++) {
    const at = (index % numSamples) * size;
    const start = performance.now();
    engine.predictBatch(inputs.slice(at, at + size), 1);
    if (index >= numWarmUps) times.push(performance.now() - start);
  }
  return percentiles(times);
}

function concatenated(parts: readonly TypedArray[]): TypedArray {
  const [first] = parts as [TypedArray];
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const result = new (first.constructor as Float32ArrayConstructor)(length);
  let at = 0;
  for (const part of parts) {
    result.set(part, at);
    at += part.length;
  }
  return result;
}
