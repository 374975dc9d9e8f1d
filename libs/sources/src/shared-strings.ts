import { allocateShared } from "./shared-memory.ts";

/** Many strings in shared memory: posting them to a thread copies nothing. */
export interface SharedStrings {
  readonly bytes: Uint8Array;
  /** Where each string ends in `bytes`. */
  readonly ends: Uint32Array;
}

export function shareStrings(strings: readonly string[]): SharedStrings {
  const encoded = strings.map((string) => Buffer.from(string));
  const numBytes = encoded.reduce((sum, { length }) => sum + length, 0);
  const bytes = new Uint8Array(allocateShared(numBytes), 0, numBytes);
  const ends = new Uint32Array(allocateShared(4 * strings.length), 0, strings.length);
  let at = 0;
  encoded.forEach((string, index) => {
    bytes.set(string, at);
    at += string.length;
    ends[index] = at;
  });
  return { bytes, ends };
}

export function stringAt({ bytes, ends }: SharedStrings, index: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8", ends[index - 1] ?? 0, ends[index]);
}
