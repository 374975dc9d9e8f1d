/** TensorFlow aliases host memory that starts on this boundary and copies all other. */
const alignmentBytes = 64;

export function alignUp(numBytes: number): number {
  return Math.ceil(numBytes / alignmentBytes) * alignmentBytes;
}

/**
 * Shared memory that starts on a page boundary.
 *
 * V8 takes plain SharedArrayBuffers from `calloc`, which promises 16 bytes only; growable ones are reserved page by
 * page. So the buffer is growable to exactly its own size, and views over it must name their length (a view without
 * one tracks the buffer's length, which is slower).
 */
export function allocateShared(numBytes: number): SharedArrayBuffer {
  const size = Math.max(numBytes, alignmentBytes);
  return new SharedArrayBuffer(size, { maxByteLength: size });
}
