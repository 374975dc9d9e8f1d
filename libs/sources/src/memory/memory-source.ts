import { createHash } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import { labelOutOfRange } from "../errors.ts";
import { type FieldSpec, numElements, type TypedArray, viewOf } from "../fields.ts";
import { BlockReader } from "../records/block.ts";
import { allocateShared } from "../shared-memory.ts";
import { type CheckedSource, noBadRecords, type SampleReader } from "../source.ts";

/** Samples in shared memory, one after another in each array. */
export interface MemoryHandles {
  readonly kind: "memory";
  readonly inputs: TypedArray;
  readonly labels: TypedArray;
  readonly inputField: FieldSpec;
  readonly labelField: FieldSpec;
  /** What samples are counted in, for people: a path, or the name of the source. */
  readonly place: string;
}

interface MemorySamples extends Omit<MemoryHandles, "kind"> {
  readonly numSamples: number;
  readonly numClasses: number | null;
}

/** An open source of samples that are in memory, all of them readable. */
export async function memorySource(samples: MemorySamples): Promise<CheckedSource<MemoryHandles>> {
  const { numSamples, numClasses, inputs, labels, inputField, labelField, place } = samples;
  return {
    numSamples,
    numClasses,
    classNames: null,
    input: inputField,
    label: labelField,
    columns: null,
    digest: await digestOf(samples),
    canSeek: true,
    keys: null,
    badRecords: noBadRecords,
    handles: { kind: "memory", inputs, labels, inputField, labelField, place },
  };
}

/** Between two pieces the thread answers its messages: a piece takes some 50 ms. */
const hashPieceBytes = 1 << 26;

async function digestOf({ numClasses, inputs, labels, inputField, labelField }: MemorySamples): Promise<string> {
  const hash = createHash("sha256").update(JSON.stringify({ inputField, labelField, numClasses }));
  for (const { buffer, byteOffset, byteLength } of [inputs, labels]) {
    const bytes = new Uint8Array(buffer, byteOffset, byteLength);
    for (let at = 0; at < byteLength; at += hashPieceBytes) {
      hash.update(bytes.subarray(at, at + hashPieceBytes));
      await setImmediate();
    }
  }
  return hash.digest("hex");
}

export function memoryReader({ inputs, labels, inputField, labelField, place }: MemoryHandles): SampleReader {
  const inputReader = new BlockReader({ where: "memory", values: inputs }, numElements(inputField.shape));
  const labelReader = new BlockReader({ where: "memory", values: labels }, numElements(labelField.shape));
  return {
    load: (indices) => {
      inputReader.load(indices);
      labelReader.load(indices);
    },
    input: (k) => inputReader.view(k),
    readLabel: (k, target, offset) => labelReader.copy(k, target, offset),
    failureOf: () => null,
    placeOf: (index) => `${place}, sample ${index}`,
  };
}

/** Labels as int32 class indices, in shared memory. Throws `LABEL_OUT_OF_RANGE`; `numClasses` null leaves them unchecked. */
export function classLabels(labels: TypedArray, numClasses: number | null, path: string): Int32Array {
  const classes = viewOf(allocateShared(4 * labels.length), "int32", 0, labels.length) as Int32Array;
  for (let index = 0; index < labels.length; index++) {
    const label = labels[index]!;
    if (numClasses !== null && !(Number.isInteger(label) && label >= 0 && label < numClasses)) {
      throw labelOutOfRange(path, index, label, numClasses);
    }
    classes[index] = label;
  }
  return classes;
}
