import type { FieldSpec, TypedArray } from "../fields.ts";
import { numElements } from "../fields.ts";
import { type Block, BlockReader, type MemoryBudget, PositionedFile, readInto } from "../records/block.ts";
import { type Places, placeOfSample } from "../records/places.ts";
import { allocateShared } from "../shared-memory.ts";
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

/** Ranges of the samples of `inputs.bin`, one after another, whose lengths are in `lengths.bin`. */
export async function rangesInOneFile(
  directory: string,
  numSamples: number,
  budget: MemoryBudget,
): Promise<{ readonly ranges: Ranges; readonly capacity: number }> {
  const lengths = new Uint32Array(allocateShared(4 * numSamples), 0, numSamples);
  await readInto(`${directory}/lengths.bin`, 0, new Uint8Array(lengths.buffer, 0, 4 * numSamples));
  const starts = new Float64Array(allocateShared(8 * numSamples), 0, numSamples);
  let [end, capacity] = [0, 1];
  for (let index = 0; index < numSamples; index++) {
    starts[index] = end;
    end += lengths[index]!;
    capacity = Math.max(capacity, lengths[index]!);
  }
  const path = `${directory}/inputs.bin`;
  const content = await readContent(path, end, budget);
  return { ranges: { files: [{ path, endSample: numSamples, content }], starts, lengths }, capacity };
}

/** A file's bytes in shared memory where the budget allows, else null. */
async function readContent(path: string, numBytes: number, budget: MemoryBudget): Promise<Uint8Array | null> {
  if (!budget.take(numBytes)) return null;
  const content = new Uint8Array(allocateShared(numBytes), 0, numBytes);
  await readInto(path, 0, content);
  return content;
}

export function rangeReader({ ranges, labels, labelField, places }: RangeHandles): SampleReader {
  const labelReader = new BlockReader(labels, numElements(labelField.shape));
  const reader = new RangeReader(ranges);
  return {
    load: (indices) => {
      const loaded = indices.slice();
      reader.load(loaded);
      labelReader.load(loaded);
    },
    input: (k) => reader.bytes(k),
    readLabel: (k, target, offset) => target.set(labelReader.view(k), offset),
    failureOf: () => null,
    placeOf: (index) => placeOfSample(places, index),
  };
}

/** Reads ranges of files; one for each thread. */
class RangeReader {
  readonly #ranges: Ranges;
  readonly #open: PositionedFile[];
  #loaded: Uint8Array[] = [];
  #buffer = new Uint8Array();

  constructor(ranges: Ranges) {
    this.#ranges = ranges;
    this.#open = ranges.files.map(({ path }) => new PositionedFile(path));
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
      this.#open[file]!.read(start, target);
      this.#loaded.push(target);
      at += length;
    }
  }

  bytes(k: number): TypedArray {
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
