import type { FieldSpec } from "../fields.ts";
import { numElements } from "../fields.ts";
import { type Block, BlockReader, PositionedFile } from "../records/block.ts";
import { type Places, placeOfSample } from "../records/places.ts";
import type { SampleReader } from "../source.ts";

/** Where the bytes of each sample lie. */
export interface Ranges {
  readonly files: readonly RangeFile[];
  /** In shared memory: where each sample starts in its file, and how many bytes it has. */
  readonly starts: Float64Array;
  readonly lengths: Uint32Array;
}

export interface RangeFile {
  readonly path: string;
  /** Samples of this file and of those before it. */
  readonly endSample: number;
  /** The whole file, in shared memory, where there was room. */
  readonly content: Uint8Array | null;
}

/** Samples of any length, each some bytes of a file: inputs uint8[?]. */
export interface RangeHandles {
  readonly kind: "ranges";
  readonly ranges: Ranges;
  readonly labels: Block;
  readonly labelField: FieldSpec;
  readonly places: Places;
}

export function rangeReader({ ranges, labels, labelField, places }: RangeHandles): SampleReader {
  const labelReader = new BlockReader(labels, numElements(labelField.shape));
  const reader = new RangeReader(ranges);
  return {
    load: (indices) => {
      reader.load(indices);
      labelReader.load(indices);
    },
    input: (k) => reader.bytes(k),
    readLabel: (k, target, offset) => labelReader.copy(k, target, offset),
    failureOf: () => null,
    placeOf: (index) => placeOfSample(places, index),
  };
}

/** Each thread has as many: far fewer than a process may. */
const maxOpenFiles = 32;

/** Reads ranges of files; one for each thread. */
export class RangeReader {
  readonly #ranges: Ranges;
  /** By number, the one that was opened last at the end. */
  readonly #open = new Map<number, PositionedFile>();
  #loaded: Uint8Array[] = [];
  #buffer = new Uint8Array();

  constructor(ranges: Ranges) {
    this.#ranges = ranges;
  }

  load(indices: Uint32Array): void {
    const { files, starts, lengths } = this.#ranges;
    const numBytes = indices.reduce((sum, index) => sum + lengths[index]!, 0);
    if (this.#buffer.length < numBytes) this.#buffer = new Uint8Array(numBytes);
    this.#loaded = [];
    let at = 0;
    for (const index of indices) {
      const file = fileOf(files, index);
      const [start, length] = [starts[index]!, lengths[index]!];
      const { content } = files[file]!;
      if (content !== null) {
        this.#loaded.push(content.subarray(start, start + length));
        continue;
      }
      const target = this.#buffer.subarray(at, at + length);
      this.#opened(file).read(start, target);
      this.#loaded.push(target);
      at += length;
    }
  }

  #opened(number: number): PositionedFile {
    const known = this.#open.get(number);
    if (known !== undefined) return known;
    for (const [other, file] of this.#open) {
      if (this.#open.size < maxOpenFiles) break;
      file.close();
      this.#open.delete(other);
    }
    const file = new PositionedFile(this.#ranges.files[number]!.path);
    this.#open.set(number, file);
    return file;
  }

  bytes(k: number): Uint8Array {
    return this.#loaded[k]!;
  }
}

/** The number of the file that has this sample: the first whose samples end beyond it. */
function fileOf(files: readonly RangeFile[], index: number): number {
  let [low, high] = [0, files.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (index < files[middle]!.endSample) high = middle;
    else low = middle + 1;
  }
  return low;
}
