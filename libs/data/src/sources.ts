import { createHash } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import { AnnealError } from "@anneal/contracts";
import type { SourceDeclaration } from "./dataset.ts";
import { readFashionMnist } from "./fashion-mnist.ts";
import { dtypeOf, type FieldSpec, numElements, type TypedArray, viewOf } from "./fields.ts";
import { datasetCorrupt, readIdxFile } from "./idx-file.ts";
import { allocateShared } from "./shared-memory.ts";
import { readText } from "./text.ts";

/**
 * What threads need to read a source: plain data that can be posted, samples in shared memory. A source that reads
 * lazily is one more kind here and one more reader below.
 */
export interface SourceHandles {
  readonly kind: "memory";
  readonly inputs: TypedArray;
  readonly labels: TypedArray;
  readonly inputField: FieldSpec;
  readonly labelField: FieldSpec;
}

/** A source that was opened and checked. */
export interface OpenSource {
  readonly numSamples: number;
  readonly numClasses: number | null;
  readonly handles: SourceHandles;
  /** sha256 (hex) over fields and bytes of all samples: what else is at the path tomorrow has another. */
  readonly digest: string;
}

type CheckedSource = Omit<OpenSource, "digest">;

/** Reads single samples; one for each thread. */
export interface SampleReader {
  /** The input of a sample: a view that must not be written, valid until the next call. */
  input(index: number): TypedArray;
  /** Copies the label of a sample into `target` at `offset` (in elements). */
  readLabel(index: number, target: TypedArray, offset: number): void;
}

/** Opens and checks a source. Throws `DATASET_NOT_FOUND`, `DATASET_CORRUPT`, `LABEL_OUT_OF_RANGE`. */
export async function openSource(declaration: SourceDeclaration): Promise<OpenSource> {
  const open = openers[declaration.kind] as (declaration: SourceDeclaration) => Promise<CheckedSource>;
  const source = await open(declaration);
  return { ...source, digest: await digestOf(source) };
}

/** Between two pieces the thread answers its messages: a piece takes some 50 ms. */
const hashPieceBytes = 1 << 26;

async function digestOf({ numClasses, handles }: CheckedSource): Promise<string> {
  const { inputs, labels, inputField, labelField } = handles;
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

type Opener<Kind extends SourceDeclaration["kind"]> = (
  declaration: Extract<SourceDeclaration, { readonly kind: Kind }>,
) => Promise<CheckedSource>;

const openers: { readonly [Kind in SourceDeclaration["kind"]]: Opener<Kind> } = {
  idx: async ({ images, labels, numClasses }) => {
    const [imageFile, labelFile] = await Promise.all([readIdxFile(images, null), readIdxFile(labels, 1)]);
    const [numSamples = 0, ...dimensions] = imageFile.dimensions;
    if (labelFile.data.length !== numSamples) {
      throw datasetCorrupt(labels, "number of labels", `${numSamples} (as many as images)`, labelFile.data.length);
    }
    return {
      numSamples,
      numClasses,
      handles: {
        kind: "memory",
        inputs: imageFile.data,
        labels: classLabels(labelFile.data, numClasses, labels),
        inputField: { shape: dimensions.length === 2 ? [...dimensions, 1] : dimensions, dtype: "uint8" },
        labelField: { shape: [], dtype: "int32" },
      },
    };
  },
  fashionMnist: async ({ directory }) => {
    const { images, classes } = await readFashionMnist(directory);
    return {
      numSamples: classes.length,
      numClasses: 10,
      handles: {
        kind: "memory",
        inputs: images,
        labels: classes,
        inputField: { shape: [28, 28, 1], dtype: "uint8" },
        labelField: { shape: [], dtype: "int32" },
      },
    };
  },
  text: async ({ path, length }) => {
    const { characters, vocabularySize } = await readText(path);
    // Of every character the one after it is the label.
    const numSamples = Math.floor((characters.length - 1) / length);
    if (numSamples < 1) throw datasetCorrupt(path, "characters", `${length + 1} or more`, characters.length);
    return {
      numSamples,
      numClasses: vocabularySize,
      handles: {
        kind: "memory",
        inputs: characters.subarray(0, numSamples * length),
        labels: characters.subarray(1, numSamples * length + 1),
        inputField: { shape: [length], dtype: "int32" },
        labelField: { shape: [length], dtype: "int32" },
      },
    };
  },
  arrays: async ({ inputs, inputShape, labels, labelShape, numClasses }) => {
    const numSamples = countSamples("inputs", inputs.length, inputShape);
    const numLabels = countSamples("labels", labels.length, numClasses === null ? labelShape : []);
    if (numLabels !== numSamples) throw datasetCorrupt("arrays", "number of labels", numSamples, numLabels);
    const isClasses = numClasses !== null;
    return {
      numSamples,
      numClasses,
      handles: {
        kind: "memory",
        inputs,
        labels: isClasses ? classLabels(labels, numClasses, "arrays") : labels,
        inputField: { shape: inputShape, dtype: dtypeOf(inputs) },
        labelField: isClasses ? { shape: [], dtype: "int32" } : { shape: labelShape, dtype: dtypeOf(labels) },
      },
    };
  },
};

/** A reader for one thread. Both fields come from memory, without a copy of the input. */
export function createReader(handles: SourceHandles): SampleReader {
  const { inputs, labels, inputField, labelField } = handles;
  const inputLength = numElements(inputField.shape);
  const labelLength = numElements(labelField.shape);
  return {
    input: (index) => inputs.subarray(index * inputLength, (index + 1) * inputLength),
    readLabel: (index, target, offset) => {
      for (let i = 0; i < labelLength; i++) target[offset + i] = labels[index * labelLength + i]!;
    },
  };
}

function countSamples(name: string, length: number, shape: readonly number[]): number {
  const perSample = numElements(shape);
  if (perSample === 0 || length % perSample !== 0) {
    throw datasetCorrupt(
      "arrays",
      `length of ${name}`,
      `a multiple of ${perSample} (shape [${shape.join(",")}])`,
      length,
    );
  }
  return length / perSample;
}

/** Labels as int32 class indices, each checked. */
function classLabels(labels: TypedArray, numClasses: number | null, path: string): Int32Array {
  const classes = viewOf(allocateShared(4 * labels.length), "int32", 0, labels.length) as Int32Array;
  for (let index = 0; index < labels.length; index++) {
    const label = labels[index]!;
    if (numClasses !== null && !(Number.isInteger(label) && label >= 0 && label < numClasses)) {
      throw new AnnealError(
        "LABEL_OUT_OF_RANGE",
        `${path}: sample ${index} has the label ${label}, but the classes are 0..${numClasses - 1}.`,
        "Correct the labels, or the recipe's number of classes.",
        { path, index, label: Number.isNaN(label) ? "NaN" : label, numClasses },
      );
    }
    classes[index] = label;
  }
  return classes;
}
