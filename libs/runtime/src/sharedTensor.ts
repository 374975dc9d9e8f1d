import type { Tensor } from "@tensorflow/tfjs";
import type { TensorflowBackend, Tfjs } from "./tensorflow.ts";

/** Slots of shared memory start at *addresses* that are multiples of this: TensorFlow aliases those and copies others. */
export const tensorAlignmentBytes = 64;

/** Number formats of a batch in shared memory. */
export type SharedDtype = "float32" | "int32" | "uint8";

export interface SharedTensorOptions {
  /**
   * Memory that starts on a page: `new SharedArrayBuffer(n, { maxByteLength: n })`, as `@anneal/data` allocates it. A plain
   * one starts anywhere (its memory comes from `calloc`): the tensor is right there too, but TensorFlow may copy.
   */
  readonly buffer: SharedArrayBuffer;
  /** A multiple of `tensorAlignmentBytes`. */
  readonly byteOffset: number;
  readonly shape: readonly number[];
  readonly dtype: SharedDtype;
}

/**
 * A tensor over shared memory, without a copy.
 *
 * float32 and int32: tfjs keeps a reference to the memory and hands it to TensorFlow when the *first op that takes the
 * tensor* runs, not before; from then on TensorFlow reads the memory itself, in every op, until the tensor and all its
 * reshapes are disposed. So the memory must not change between this call and the end of the last op that reads the
 * tensor; results of ops have memory of their own. Dispose the tensor, then release the slot.
 *
 * uint8: tfjs has no such tensors. The bytes are converted at once to a new float32 tensor (values 0..255) by
 * TensorFlow's Cast; the memory is free again when this returns.
 */
export function createSharedTensor(tf: Tfjs, { buffer, byteOffset, shape, dtype }: SharedTensorOptions): Tensor {
  if (byteOffset % tensorAlignmentBytes !== 0) {
    throw new RangeError(`offset ${byteOffset} is not a multiple of ${tensorAlignmentBytes}: TensorFlow would copy`);
  }
  const size = shape.reduce((product, dimension) => product * dimension, 1);
  switch (dtype) {
    case "float32":
      return tf.tensor(new Float32Array(buffer, byteOffset, size), [...shape], "float32");
    case "int32":
      return tf.tensor(new Int32Array(buffer, byteOffset, size), [...shape], "int32");
    case "uint8":
      return bytesAsFloat(tf, new Uint8Array(buffer, byteOffset, size), shape);
  }
}

function bytesAsFloat(tf: Tfjs, bytes: Uint8Array, shape: readonly number[]): Tensor {
  const backend = tf.backend() as TensorflowBackend;
  const { binding } = backend;
  const id = binding.createTensor(shape, binding.TF_UINT8, bytes);
  const raw = backend.createOutputTensor({ id, shape: [...shape], dtype: binding.TF_UINT8 });
  const attributes = [
    { name: "SrcT", type: binding.TF_ATTR_TYPE, value: binding.TF_UINT8 },
    { name: "DstT", type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT },
    { name: "Truncate", type: binding.TF_ATTR_BOOL, value: false },
  ];
  try {
    return backend.executeSingleOutput("Cast", attributes, [raw]);
  } finally {
    raw.dispose();
  }
}
