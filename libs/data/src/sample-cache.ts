import { randomUUID } from "node:crypto";
import { mkdirSync, openSync, readSync, unlinkSync, writeSync } from "node:fs";
import { join } from "node:path";
import {
  allocateShared,
  type FieldSpec,
  fieldBytes,
  numElements,
  type SampleSpec,
  type TypedArray,
  viewOf,
} from "@anneal/sources";
import { capacityOf } from "./chain.ts";

/**
 * Samples kept for later epochs: what the deterministic transforms made of them, and their labels, in slots of one size. The first ones
 * lie in shared memory, the rest in a file without a name, which is gone when the process ends.
 *
 * A byte for each sample says whether its slot is empty, being written, or whole. Who finds it empty claims it; a slot whose writer
 * died stays claimed and is never read.
 */
export interface CacheHandles {
  /** What these first transforms make is kept. */
  readonly numTransforms: number;
  readonly input: SampleSpec;
  readonly labels: FieldSpec;
  readonly numInMemory: number;
  readonly memory: SharedArrayBuffer;
  /** The process's descriptor of the file; null where all fits into memory. */
  readonly file: number | null;
  readonly states: SharedArrayBuffer;
}

const state = { empty: 0, claimed: 1, whole: 2 } as const;
const lengthBytes = 4;

/** Where the parts of a slot begin. */
function layoutOf({ input, labels }: Pick<CacheHandles, "input" | "labels">) {
  const inputAt = lengthBytes + 4 * Math.ceil(fieldBytes(labels) / 4);
  const bytesPerElement = input.dtype === "uint8" ? 1 : 4;
  return { inputAt, slotBytes: inputAt + 4 * Math.ceil((capacityOf(input) * bytesPerElement) / 4) };
}

/** Room for `numSamples`, in memory as far as it goes. */
export function createCache(options: {
  readonly numTransforms: number;
  readonly input: SampleSpec;
  readonly labels: FieldSpec;
  readonly numSamples: number;
  readonly memoryBytes: number;
  /** Where the file is made. */
  readonly directory: string;
}): CacheHandles {
  const { numTransforms, input, labels, numSamples, memoryBytes, directory } = options;
  const { slotBytes } = layoutOf(options);
  const numInMemory = Math.min(numSamples, Math.max(0, Math.floor(memoryBytes / slotBytes)));
  return {
    numTransforms,
    input,
    labels,
    numInMemory,
    memory: allocateShared(numInMemory * slotBytes),
    file: numInMemory < numSamples ? openNameless(directory) : null,
    states: new SharedArrayBuffer(Math.max(1, numSamples)),
  };
}

/** Bytes of memory that a cache takes once it is full. */
export function cacheMemoryBytes({ memory, states }: CacheHandles): number {
  return memory.byteLength + states.byteLength;
}

function openNameless(directory: string): number {
  mkdirSync(directory, { recursive: true });
  const path = join(directory, `samples-${randomUUID()}`);
  const file = openSync(path, "wx+");
  unlinkSync(path);
  return file;
}

export interface CachedSample {
  /** Views, valid until the next `get`. */
  readonly input: TypedArray;
  readonly label: TypedArray;
}

/** One thread's way to a cache. */
export class SampleCache {
  readonly numTransforms: number;
  readonly #handles: CacheHandles;
  readonly #states: Uint8Array;
  readonly #inputAt: number;
  readonly #slotBytes: number;
  /** A slot of the file on its way. */
  readonly #scratch: Uint8Array;

  constructor(handles: CacheHandles) {
    this.#handles = handles;
    this.numTransforms = handles.numTransforms;
    this.#states = new Uint8Array(handles.states);
    const { inputAt, slotBytes } = layoutOf(handles);
    this.#inputAt = inputAt;
    this.#slotBytes = slotBytes;
    this.#scratch = new Uint8Array(slotBytes);
  }

  has(rank: number): boolean {
    return Atomics.load(this.#states, rank) === state.whole;
  }

  /** The sample with this rank, which the cache has. */
  get(rank: number): CachedSample {
    const { buffer, at } = this.#slotOf(rank);
    if (buffer === this.#scratch.buffer) {
      const numRead = readSync(this.#handles.file!, this.#scratch, 0, this.#slotBytes, this.#fileOffset(rank));
      if (numRead !== this.#slotBytes) throw new Error(`a kept sample has ${numRead} bytes, not ${this.#slotBytes}`);
    }
    const [length] = new Uint32Array(buffer, at, 1) as unknown as [number];
    const { input, labels } = this.#handles;
    return {
      input: viewOf(buffer, input.dtype, at + this.#inputAt, length),
      label: viewOf(buffer, labels.dtype, at + lengthBytes, numElements(labels.shape)),
    };
  }

  /** Keeps a sample, unless somebody does already. What cannot be kept (a full disk) is made anew each time. */
  put(rank: number, input: TypedArray, writeLabel: (target: TypedArray) => void): void {
    if (Atomics.compareExchange(this.#states, rank, state.empty, state.claimed) !== state.empty) return;
    const { buffer, at } = this.#slotOf(rank);
    const { labels } = this.#handles;
    new Uint32Array(buffer, at, 1)[0] = input.length;
    viewOf(buffer, this.#handles.input.dtype, at + this.#inputAt, input.length).set(input);
    writeLabel(viewOf(buffer, labels.dtype, at + lengthBytes, numElements(labels.shape)));
    if (buffer === this.#scratch.buffer && !this.#write(rank)) return;
    Atomics.store(this.#states, rank, state.whole);
  }

  #write(rank: number): boolean {
    try {
      const { file } = this.#handles;
      return writeSync(file!, this.#scratch, 0, this.#slotBytes, this.#fileOffset(rank)) === this.#slotBytes;
    } catch {
      return false;
    }
  }

  #slotOf(rank: number): { readonly buffer: ArrayBufferLike; readonly at: number } {
    const { memory, numInMemory } = this.#handles;
    if (rank < numInMemory) return { buffer: memory, at: rank * this.#slotBytes };
    return { buffer: this.#scratch.buffer, at: 0 };
  }

  #fileOffset(rank: number): number {
    return (rank - this.#handles.numInMemory) * this.#slotBytes;
  }
}
