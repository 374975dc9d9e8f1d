import type { Tensor } from "@tensorflow/tfjs";
import type { TensorflowBackend, Tfjs } from "./tensorflow.ts";

/** Slots of shared memory start at *addresses* that are multiples of this: TensorFlow aliases those and copies others. */
export const tensorAlignmentBytes = 64;

/** Number formats of a batch in shared memory. */
export type SharedDtype = "float32" | "int32" | "uint8";

export const sharedDtypeBytes: Readonly<Record<SharedDtype, number>> = { float32: 4, int32: 4, uint8: 1 };

export interface SharedTensorOptions {
  /** From `allocateSharedMemory`. Over other memory the tensor is right too, but TensorFlow may copy. */
  readonly buffer: SharedArrayBuffer;
  /** A multiple of `tensorAlignmentBytes`. */
  readonly byteOffset: number;
  readonly shape: readonly number[];
  readonly dtype: SharedDtype;
}

/** `numBytes` rounded up to the next aligned offset. */
export function alignedBytes(numBytes: number): number {
  return Math.ceil(numBytes / tensorAlignmentBytes) * tensorAlignmentBytes;
}

/**
 * Shared memory whose first byte is aligned, of at least `numBytes` bytes, all zero.
 *
 * `new SharedArrayBuffer(n)` starts anywhere: its memory comes from `calloc`, which promises 16 bytes, so no offset
 * into it is known to be aligned. WebAssembly's shared memory starts at a page, and its buffer is a SharedArrayBuffer
 * like any other: it goes through `postMessage`, and `Atomics` work on it. At most 4 GiB.
 */
export function allocateSharedMemory(numBytes: number): SharedArrayBuffer {
  const numPages = Math.max(1, Math.ceil(numBytes / wasmPageBytes));
  const memory = new WebAssembly.Memory({ initial: numPages, maximum: numPages, shared: true });
  return memory.buffer as SharedArrayBuffer;
}

const wasmPageBytes = 65_536;
// The part used here: neither ES2024's types nor Node's declare it.
declare const WebAssembly: {
  readonly Memory: new (limits: {
    initial: number;
    maximum: number;
    shared: true;
  }) => { readonly buffer: ArrayBufferLike };
};

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
