import { closeSync, openSync, readSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { datasetCorrupt, datasetNotFound } from "../errors.ts";
import { type DType, type TypedArray, viewOf } from "../fields.ts";
import { allocateShared } from "../shared-memory.ts";
import { LoadedSamples } from "./loaded-samples.ts";

/** Numbers of one format, one after another, little-endian: a whole file or a part of it. */
export interface Region {
  readonly path: string;
  readonly byteOffset: number;
  readonly dtype: DType;
  /** How many numbers there are. */
  readonly length: number;
}

/** The numbers of a region, as threads find them: in shared memory, or in the file that they stay in. */
export type Block =
  | { readonly where: "memory"; readonly values: TypedArray }
  | { readonly where: "file"; readonly region: Region };

const elementBytes: Readonly<Record<DType, number>> = { uint8: 1, int32: 4, float32: 4 };

/** Between two reads the thread answers its messages; Linux reads 2 GiB at most at once. */
const readBytes = 1 << 26;

/** The bytes that are left for keeping samples in memory: who takes some leaves fewer to the next. */
export class MemoryBudget {
  #bytesLeft: number;

  constructor(numBytes: number) {
    this.#bytesLeft = numBytes;
  }

  /** Takes all of it, or nothing. */
  take(numBytes: number): boolean {
    if (numBytes > this.#bytesLeft) return false;
    this.#bytesLeft -= numBytes;
    return true;
  }
}

/** Brings a region into shared memory where the budget allows. Throws `DATASET_NOT_FOUND`, `DATASET_CORRUPT` for a file that ends early. */
export async function openBlock(region: Region, budget: MemoryBudget): Promise<Block> {
  const { path, byteOffset, dtype, length } = region;
  const numBytes = length * elementBytes[dtype];
  if (!budget.take(numBytes)) return { where: "file", region };
  const buffer = allocateShared(numBytes);
  await readInto(path, byteOffset, new Uint8Array(buffer, 0, numBytes));
  return { where: "memory", values: viewOf(buffer, dtype, 0, length) };
}

/** Fills `target` from a file. Throws `DATASET_NOT_FOUND`, `DATASET_CORRUPT` for a file that ends early. */
export async function readInto(path: string, position: number, target: Uint8Array): Promise<void> {
  const file = await open(path, "r").catch((cause) => {
    throw datasetNotFound(path, cause);
  });
  try {
    await readFully(file, path, position, target);
  } finally {
    await file.close();
  }
}

/** Keys of samples from a file, in shared memory: they are asked for all at once. */
export async function readKeys(path: string, numSamples: number): Promise<BigUint64Array> {
  const keys = new BigUint64Array(allocateShared(8 * numSamples), 0, numSamples);
  await readInto(path, 0, new Uint8Array(keys.buffer, 0, keys.byteLength));
  return keys;
}

/** Fills `target` from an open file. Throws `DATASET_CORRUPT` for a file that ends early. */
async function readFully(file: FileHandle, path: string, position: number, target: Uint8Array): Promise<void> {
  for (let offset = 0; offset < target.length; ) {
    const length = Math.min(readBytes, target.length - offset);
    const { bytesRead } = await file.read(target, offset, length, position + offset);
    if (bytesRead === 0) throw endsEarly(path, position + target.length, position + offset);
    offset += bytesRead;
  }
}

function endsEarly(path: string, expectedBytes: number, foundBytes: number) {
  return datasetCorrupt(path, "truncated", `${expectedBytes} bytes`, `${foundBytes} bytes`);
}

/**
 * A file that one thread reads by position. Reading waits for the disk: the thread has nothing else to do, and a read of what the
 * system has in memory takes microseconds, less than a promise and its way through the thread pool.
 */
export class PositionedFile {
  readonly #path: string;
  #descriptor: number | null = null;

  constructor(path: string) {
    this.#path = path;
  }

  /** Throws `DATASET_NOT_FOUND`, `DATASET_CORRUPT` for a file that ends early. What is not closed is with its thread. */
  read(position: number, target: Uint8Array): void {
    if (this.#descriptor === null) {
      try {
        this.#descriptor = openSync(this.#path, "r");
      } catch (cause) {
        throw datasetNotFound(this.#path, cause);
      }
    }
    for (let offset = 0; offset < target.length; ) {
      const bytesRead = readSync(this.#descriptor, target, offset, target.length - offset, position + offset);
      if (bytesRead === 0) throw endsEarly(this.#path, position + target.length, position + offset);
      offset += bytesRead;
    }
  }

  /** What is read later opens it again. */
  close(): void {
    if (this.#descriptor !== null) closeSync(this.#descriptor);
    this.#descriptor = null;
  }
}

/** Longer samples stay where they are in memory: a copy would take longer than a view. */
const maxGathered = 256;

/** Reads samples of `sampleLength` numbers from a block; one for each thread. */
export class BlockReader {
  readonly #block: Block;
  readonly #sampleLength: number;
  readonly #isGathered: boolean;
  #indices: Uint32Array = new Uint32Array();
  readonly #file: PositionedFile | null;
  readonly #loaded: LoadedSamples;

  constructor(block: Block, sampleLength: number) {
    this.#block = block;
    this.#sampleLength = sampleLength;
    this.#isGathered = block.where === "file" || sampleLength <= maxGathered;
    this.#file = block.where === "file" ? new PositionedFile(block.region.path) : null;
    const format = block.where === "file" ? viewOf(new ArrayBuffer(0), block.region.dtype, 0, 0) : block.values;
    this.#loaded = new LoadedSamples(format, sampleLength);
  }

  load(indices: Uint32Array): void {
    if (!this.#isGathered) this.#indices = indices.slice();
    else if (this.#block.where === "memory") this.#loaded.gather(this.#block.values, indices);
    else this.#read(this.#block.region, indices);
  }

  #read({ dtype, byteOffset }: Region, indices: Uint32Array): void {
    const sampleBytes = this.#sampleLength * elementBytes[dtype];
    const bytes = new Uint8Array(this.#loaded.room(indices.length).buffer);
    // What lies one after another in the file is read at once: data in its own order by a few large reads.
    for (let k = 0; k < indices.length; ) {
      let end = k + 1;
      while (end < indices.length && indices[end] === indices[end - 1]! + 1) end += 1;
      this.#file!.read(byteOffset + indices[k]! * sampleBytes, bytes.subarray(k * sampleBytes, end * sampleBytes));
      k = end;
    }
  }

  /** The k-th sample that is loaded. */
  view(k: number): TypedArray {
    if (this.#isGathered || this.#block.where === "file") return this.#loaded.view(k);
    const start = this.#indices[k]! * this.#sampleLength;
    return this.#block.values.subarray(start, start + this.#sampleLength);
  }

  /** Copies the k-th sample that is loaded into `target` at `offset`, in elements. */
  copy(k: number, target: TypedArray, offset: number): void {
    if (this.#isGathered) this.#loaded.copy(k, target, offset);
    else target.set(this.view(k), offset);
  }
}
