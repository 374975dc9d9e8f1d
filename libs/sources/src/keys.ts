/**
 * 64-bit hashes that samples are told apart by: MurmurHash3's 32-bit body (Appleby, public domain) under two seeds. They decide
 * the side of a split, so they must never change.
 */
import { allocateShared } from "./shared-memory.ts";

const encoder = new TextEncoder();
const seeds = [0x243f_6a88, 0x85a3_08d3] as const;

/** Writes the keys of samples, one after another, into shared memory. */
export class KeyWriter {
  readonly keys: BigUint64Array;
  readonly #words: Uint32Array;

  constructor(numSamples: number) {
    const buffer = allocateShared(8 * numSamples);
    this.keys = new BigUint64Array(buffer, 0, numSamples);
    this.#words = new Uint32Array(buffer, 0, 2 * numSamples);
  }

  /** The key of a sample with a name of its own. */
  setName(index: number, name: string): void {
    const bytes = encoder.encode(name);
    this.#words[2 * index] = murmur3(bytes, seeds[0]);
    this.#words[2 * index + 1] = murmur3(bytes, seeds[1]);
  }
}

/** The keys of a file's records: hashes of their own names, or of the file's name and their number in it. */
export class RowKeys {
  readonly #fileKeys: readonly [number, number];

  constructor(fileName: string) {
    const bytes = encoder.encode(fileName);
    this.#fileKeys = [murmur3(bytes, seeds[0]), murmur3(bytes, seeds[1])];
  }

  /** The keys of `count` records from the number `first` on; `nameOf` gives names of their own, where they have such. */
  of(first: number, count: number, nameOf: ((i: number) => Uint8Array | null) | null): Uint32Array {
    const words = new Uint32Array(2 * count);
    for (let i = 0; i < count; i++) {
      const name = nameOf?.(i) ?? null;
      words[2 * i] = name === null ? scramble(this.#fileKeys[0] + first + i) : murmur3(name, seeds[0]);
      words[2 * i + 1] = name === null ? scramble(this.#fileKeys[1] - first - i) : murmur3(name, seeds[1]);
    }
    return words;
  }
}

function scramble(word: number): number {
  let h = word | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85eb_ca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2_ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** MurmurHash3_x86_32 of the bytes. */
export function murmur3(bytes: Uint8Array, seed: number): number {
  const numBlocks = bytes.length >>> 2;
  let h = seed | 0;
  for (let block = 0; block < numBlocks; block++) {
    const at = 4 * block;
    const word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    h ^= mixBlock(word);
    h = (h << 13) | (h >>> 19);
    h = (Math.imul(h, 5) + 0xe654_6b64) | 0;
  }
  let tail = 0;
  for (let at = bytes.length - 1; at >= 4 * numBlocks; at--) tail = (tail << 8) | bytes[at]!;
  return scramble(h ^ mixBlock(tail) ^ bytes.length);
}

function mixBlock(word: number): number {
  const k = Math.imul(word, 0xcc9e_2d51);
  return Math.imul((k << 15) | (k >>> 17), 0x1b87_3593);
}
