import { readFileSync, writeFileSync } from "node:fs";
import { decodeSafetensors, encodeSafetensors, type NamedTensor } from "@anneal/checkpoint";
import { type FieldSpec, numElements, RandomStream, type TypedArray } from "@anneal/data";
import type { Batch } from "@anneal/training";
import type { Workload } from "./workloads.ts";

/** Batches one after another: `[numBatches * batchSize, ...]` of each field. */
interface Samples {
  readonly inputs: TypedArray;
  readonly labels: Int32Array;
}

/** Seeded batches that can be learnt, so that a loss that falls shows that a subject trains. */
export function synthesize(workload: Workload, numBatches: number, seed: number): Samples {
  const numSamples = numBatches * workload.batchSize;
  return workload.inputs.dtype === "int32"
    ? sequences(workload, numSamples, seed)
    : patterns(workload, numSamples, seed);
}

/** Each class has a pattern, and each sample is its class's pattern under as much noise. */
function patterns({ inputs: { shape }, numClasses }: Workload, numSamples: number, seed: number): Samples {
  const size = numElements(shape);
  const ofClass = Array.from({ length: numClasses }, (_, index) => {
    const random = new RandomStream("sample", seed, 0, index);
    return Float32Array.from({ length: size }, () => random.between(-1, 1));
  });
  const random = new RandomStream("sample", seed, 1, 0);
  const inputs = new Float32Array(numSamples * size);
  const labels = Int32Array.from({ length: numSamples }, () => random.integerBelow(numClasses));
  labels.forEach((label, sample) => {
    ofClass[label]!.forEach((value, index) => {
      inputs[sample * size + index] = value + random.between(-1, 1);
    });
  });
  return { inputs, labels };
}

/** Tokens of which each follows from the one before, but for one in eight. Labels are the next tokens. */
function sequences({ inputs: { shape }, numClasses }: Workload, numSamples: number, seed: number): Samples {
  const size = numElements(shape);
  const random = new RandomStream("sample", seed, 2, 0);
  const inputs = new Int32Array(numSamples * size);
  const labels = new Int32Array(numSamples * size);
  for (let sample = 0; sample < numSamples; sample += 1) {
    let token = random.integerBelow(numClasses);
    for (let at = sample * size; at < (sample + 1) * size; at += 1) {
      inputs[at] = token;
      token = random.integerBelow(8) === 0 ? random.integerBelow(numClasses) : (token * 5 + 7) % numClasses;
      labels[at] = token;
    }
  }
  return { inputs, labels };
}

/** Writes tensors where every subject, in whichever language, reads them. */
export function writeTensors(path: string, tensors: readonly NamedTensor[]): void {
  const { header, chunks } = encodeSafetensors(tensors);
  writeFileSync(path, Buffer.concat([header, ...chunks]));
}

export function writeBatches(path: string, workload: Workload, { inputs, labels }: Samples): void {
  const numSamples = inputs.length / numElements(workload.inputs.shape);
  const tensor = (name: string, field: FieldSpec, data: TypedArray): NamedTensor => ({
    name,
    dtype: field.dtype === "float32" ? "F32" : "I32",
    shape: [numSamples, ...field.shape],
    data,
  });
  writeTensors(path, [tensor("inputs", workload.inputs, inputs), tensor("labels", workload.labels, labels)]);
}

export function readBatches(path: string): Samples {
  const { tensors } = decodeSafetensors(readFileSync(path));
  const data = (wanted: string) => tensors.find(({ name }) => name === wanted)?.data;
  return { inputs: data("inputs") as TypedArray, labels: data("labels") as Int32Array };
}

/** Batches in shared memory, as a feed gives them to an engine. */
export function toBatches({ inputs, labels }: Samples, workload: Workload): readonly Batch[] {
  const { batchSize } = workload;
  const numInputs = batchSize * numElements(workload.inputs.shape);
  const numLabels = batchSize * numElements(workload.labels.shape);
  return Array.from({ length: labels.length / numLabels }, (_, index) => ({
    numSamples: batchSize,
    inputs: toShared(inputs.subarray(index * numInputs, (index + 1) * numInputs)),
    labels: toShared(labels.subarray(index * numLabels, (index + 1) * numLabels)),
  }));
}

function toShared(values: TypedArray): TypedArray {
  const buffer = new SharedArrayBuffer(values.byteLength);
  const copy = values instanceof Int32Array ? new Int32Array(buffer) : new Float32Array(buffer);
  copy.set(values);
  return copy;
}
