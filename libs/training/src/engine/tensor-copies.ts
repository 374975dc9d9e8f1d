import type { NamedTensor } from "@anneal/checkpoint";
import { AnnealError } from "@anneal/contracts";
import { alignUp, allocateShared, dtypeOf, viewOf } from "@anneal/data";
import type { FeedValues, Tfjs } from "@anneal/runtime";
import type { Tensor } from "@tensorflow/tfjs";

export interface TensorSource {
  readonly name: string;
  readonly tensor: Tensor;
}

export interface TensorTarget extends TensorSource {
  /** Takes over a tensor of the same shape and dtype as the value. */
  readonly assign: (value: Tensor) => void;
}

/** What a value has to be to fit: name, number format (as TensorFlow.js calls it) and shape. */
export interface ExpectedTensor {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
}

/** Values in memory that may change. */
export interface TensorValues extends ExpectedTensor {
  readonly values: ArrayLike<number>;
}

/** Copies of tensors of TensorFlow.js. */
export function copyTensors(sources: readonly TensorSource[]): readonly NamedTensor[] {
  return copyValues(
    sources.map(({ name, tensor }) => ({
      name,
      dtype: tensor.dtype,
      shape: tensor.shape,
      // Copied even where TensorFlow.js has just made the array, since it may also return the one that it keeps.
      values: tensor.dataSync() as Float32Array | Int32Array,
    })),
  );
}

/** Copies one after another in one buffer: a single transfer takes them all to another thread. */
export function copyValues(sources: readonly TensorValues[]): readonly NamedTensor[] {
  const buffer = new ArrayBuffer(sources.reduce((sum, { values }) => sum + values.length * 4, 0));
  let offset = 0;
  return sources.map(({ name, dtype, shape, values }) => {
    const isInteger = dtype === "int32";
    if (!isInteger && dtype !== "float32") throw unsupported(name, dtype);
    const data = isInteger
      ? new Int32Array(buffer, offset, values.length)
      : new Float32Array(buffer, offset, values.length);
    data.set(values);
    offset += data.byteLength;
    return { name, dtype: isInteger ? "I32" : "F32", shape: [...shape], data } as const;
  });
}

/**
 * Copies that TensorFlow takes as they are, in memory that goes back to the operating system with them: of other memory it makes copies
 * of its own, whose room it keeps for good.
 */
export function alignedCopies(sources: readonly FeedValues[]): readonly FeedValues[] {
  const buffer = allocateShared(sources.reduce((sum, { byteLength }) => sum + alignUp(byteLength), 0));
  let offset = 0;
  return sources.map((source) => {
    const bytes = new Uint8Array(buffer, offset, source.byteLength);
    bytes.set(new Uint8Array(source.buffer, source.byteOffset, source.byteLength));
    offset += alignUp(source.byteLength);
    return viewOf(buffer, dtypeOf(source), bytes.byteOffset, source.length);
  });
}

/**
 * The values of the expected names, in their order.
 *
 * @throws AnnealError CHECKPOINT_INCOMPATIBLE when names, shapes or dtypes differ
 */
export function matchTensors(
  expected: readonly ExpectedTensor[],
  values: readonly NamedTensor[],
  what: string,
): readonly NamedTensor[] {
  const byName = new Map(values.map((value) => [value.name, value]));
  const problems = expected.flatMap(({ name, dtype, shape }) => {
    const value = byName.get(name);
    if (value === undefined) return [`${name} is missing`];
    const found = `${value.dtype} [${value.shape.join(",")}]`;
    const wanted = `${dtype === "int32" ? "I32" : "F32"} [${shape.join(",")}]`;
    return found === wanted ? [] : [`${name} is ${found}, not ${wanted}`];
  });
  const known = new Set(expected.map(({ name }) => name));
  problems.push(...values.filter(({ name }) => !known.has(name)).map(({ name }) => `${name} is not in the ${what}`));
  if (problems.length > 0) throw incompatible(what, problems);
  return expected.map(({ name }) => byName.get(name)!);
}

/**
 * Gives each target the value of its name.
 *
 * @throws AnnealError CHECKPOINT_INCOMPATIBLE, before anything is assigned, when names, shapes or dtypes differ
 */
export function restoreTensors(
  tf: Tfjs,
  targets: readonly TensorTarget[],
  values: readonly NamedTensor[],
  what: string,
): void {
  const expected = targets.map(({ name, tensor: { dtype, shape } }) => ({ name, dtype, shape }));
  const matched = matchTensors(expected, values, what);
  for (const [index, { tensor, assign }] of targets.entries()) {
    const { data } = matched[index]!;
    // A copy: TensorFlow.js keeps the array until an op first takes the tensor.
    const copy =
      tensor.dtype === "int32" ? Int32Array.from(data as Int32Array) : Float32Array.from(data as Float32Array);
    assign(tf.tensor(copy, tensor.shape, tensor.dtype));
  }
}

function incompatible(what: string, problems: readonly string[]): AnnealError {
  const shown = problems.slice(0, 5).join("; ");
  const more = problems.length > 5 ? `; and ${problems.length - 5} more` : "";
  return new AnnealError(
    "CHECKPOINT_INCOMPATIBLE",
    `the checkpoint does not fit the ${what}: ${shown}${more}`,
    "Use a checkpoint of the same model and optimizer, or the recipe that wrote this one.",
    { what, numProblems: problems.length, problems: shown },
  );
}

function unsupported(name: string, dtype: string): AnnealError {
  return new AnnealError(
    "RECIPE_INVALID",
    `the variable ${name} is ${dtype}; variables must be float32 or int32`,
    "Use float32 or int32 variables.",
    { variable: name, dtype },
  );
}
