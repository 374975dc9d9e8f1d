import type { NamedTensor } from "@anneal/checkpoint";
import { AnnealError } from "@anneal/contracts";
import type { Tfjs } from "@anneal/runtime";
import type { Tensor } from "@tensorflow/tfjs";

export interface TensorSource {
  readonly name: string;
  readonly tensor: Tensor;
}

export interface TensorTarget extends TensorSource {
  /** Takes over a tensor of the same shape and dtype as the value. */
  readonly assign: (value: Tensor) => void;
}

/**
 * Copies of tensors, one after another in one buffer: a single transfer takes them all to another thread. Copied even
 * where TensorFlow.js has just made the array, since it may also return the one that it keeps.
 */
export function copyTensors(sources: readonly TensorSource[]): readonly NamedTensor[] {
  const buffer = new ArrayBuffer(sources.reduce((sum, { tensor }) => sum + tensor.size * 4, 0));
  let offset = 0;
  return sources.map(({ name, tensor }) => {
    const isInteger = tensor.dtype === "int32";
    if (!isInteger && tensor.dtype !== "float32") throw unsupported(name, tensor.dtype);
    const data = isInteger
      ? new Int32Array(buffer, offset, tensor.size)
      : new Float32Array(buffer, offset, tensor.size);
    data.set(tensor.dataSync());
    offset += data.byteLength;
    return { name, dtype: isInteger ? "I32" : "F32", shape: [...tensor.shape], data } as const;
  });
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
  const byName = new Map(values.map((value) => [value.name, value]));
  const problems = targets.flatMap(({ name, tensor }) => {
    const value = byName.get(name);
    if (value === undefined) return [`${name} is missing`];
    const found = `${value.dtype} [${value.shape.join(",")}]`;
    const expected = `${tensor.dtype === "int32" ? "I32" : "F32"} [${tensor.shape.join(",")}]`;
    return found === expected ? [] : [`${name} is ${found}, not ${expected}`];
  });
  const known = new Set(targets.map(({ name }) => name));
  problems.push(...values.filter(({ name }) => !known.has(name)).map(({ name }) => `${name} is not in the ${what}`));
  if (problems.length > 0) throw incompatible(what, problems);
  for (const { name, tensor, assign } of targets) {
    const { data } = byName.get(name)!;
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
