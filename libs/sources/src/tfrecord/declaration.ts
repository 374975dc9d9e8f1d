import { type FieldSpec, numElements } from "../fields.ts";
import type { FilePattern } from "../files/find-files.ts";
import type { ImageSpec } from "../images/decode-image.ts";

/** What the input is made of. */
export type TfRecordInput =
  /** Bytes of a JPEG, PNG or WebP image: uint8[height, width, channels]. */
  | ({ readonly feature: string; readonly type: "image" } & ImageSpec)
  /** Bytes as they are: uint8[?]. */
  | { readonly feature: string; readonly type: "bytes" }
  /** A list of floats or integers: float32 or int32 of a shape. */
  | { readonly feature: string; readonly type: "float" | "integer"; readonly shape: readonly number[] };

/** What the label is made of. */
export type TfRecordLabel =
  /** One integer, 0 .. numClasses - 1. */
  | { readonly feature: string; readonly type: "class"; readonly numClasses: number }
  /** Bytes: the name of a class. */
  | { readonly feature: string; readonly type: "name"; readonly classNames: readonly string[] }
  /** Floats or integers of a shape, which are no classes. */
  | { readonly feature: string; readonly type: "float" | "integer"; readonly shape: readonly number[] };

/** Examples (`tf.train.Example`) of TFRecord files. */
export interface TfRecordDeclaration {
  readonly kind: "tfrecord";
  readonly files: readonly FilePattern[];
  readonly input: TfRecordInput;
  readonly label: TfRecordLabel;
}

type WithDefaults<T> = T extends ImageSpec ? Omit<T, "channels" | "fit"> & Partial<Pick<T, "channels" | "fit">> : T;

export interface TfRecordOptions {
  readonly files: FilePattern | readonly FilePattern[];
  /** Names of features and what they are; of an image `channels` is 3 and `fit` is `cover` unless given. */
  readonly features: {
    readonly input: WithDefaults<TfRecordInput>;
    readonly label: TfRecordLabel;
  };
}

/**
 * Examples of TFRecord files, not compressed.
 *
 * @throws RangeError for a size that is no integer from 1
 */
export function tfrecordSource({ files, features }: TfRecordOptions): TfRecordDeclaration {
  const patterns: readonly FilePattern[] = Array.isArray(files) ? files : [files as FilePattern];
  const { label } = features;
  const input: TfRecordInput =
    features.input.type === "image" ? { channels: 3, fit: "cover", ...features.input } : features.input;
  const sizes = [
    ...(input.type === "image" ? [input.height, input.width] : "shape" in input ? input.shape : []),
    ...("shape" in label ? label.shape : []),
    ...(label.type === "class" ? [label.numClasses] : []),
  ];
  for (const size of sizes) {
    if (!Number.isInteger(size) || size < 1) throw new RangeError(`sizes must be integers from 1, not ${size}`);
  }
  return { kind: "tfrecord", files: patterns, input, label };
}

export function labelFieldOf(label: TfRecordLabel): FieldSpec {
  if (label.type === "class" || label.type === "name") return { shape: [], dtype: "int32" };
  return { shape: label.shape, dtype: label.type === "float" ? "float32" : "int32" };
}

/** How many elements a list of numbers must have; null for bytes. */
export function lengthOf(part: TfRecordInput | TfRecordLabel): number | null {
  return part.type === "float" || part.type === "integer" ? numElements(part.shape) : null;
}
