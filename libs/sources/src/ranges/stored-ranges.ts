import { type MemoryBudget, readInto } from "../records/block.ts";
import { NumberWriter, type StagedFile, type StagedFiles } from "../records/stored-data.ts";
import { allocateShared } from "../shared-memory.ts";
import type { RangeFile, Ranges } from "./range-source.ts";

const startsFile = "starts.bin";
const lengthsFile = "lengths.bin";

/** Writes where samples of any length lie: a start and a length in bytes for each. */
export class RangeWriter {
  readonly #starts: NumberWriter;
  readonly #lengths: NumberWriter;

  private constructor(starts: StagedFile, lengths: StagedFile) {
    this.#starts = new NumberWriter(starts, new Float64Array());
    this.#lengths = new NumberWriter(lengths, new Uint32Array());
  }

  static async create(files: StagedFiles): Promise<RangeWriter> {
    return new RangeWriter(await files.create(startsFile), await files.create(lengthsFile));
  }

  add(start: number, length: number): void {
    this.#starts.push(start);
    this.#lengths.push(length);
  }

  async flush(): Promise<void> {
    await Promise.all([this.#starts.flush(), this.#lengths.flush()]);
  }
}

/** A file with ranges in it. */
interface FileOfRanges {
  readonly path: string;
  readonly sizeBytes: number;
  readonly numSamples: number;
}

/** Ranges that a `RangeWriter` wrote into `directory`, and the most bytes of one; files are kept in memory while the budget lasts. */
export async function openRanges(
  directory: string,
  files: readonly FileOfRanges[],
  budget: MemoryBudget,
): Promise<{ readonly ranges: Ranges; readonly capacity: number }> {
  const numSamples = files.reduce((sum, file) => sum + file.numSamples, 0);
  const starts = new Float64Array(allocateShared(8 * numSamples), 0, numSamples);
  const lengths = new Uint32Array(allocateShared(4 * numSamples), 0, numSamples);
  await readInto(`${directory}/${startsFile}`, 0, new Uint8Array(starts.buffer, 0, 8 * numSamples));
  await readInto(`${directory}/${lengthsFile}`, 0, new Uint8Array(lengths.buffer, 0, 4 * numSamples));
  const rangeFiles: RangeFile[] = [];
  let endSample = 0;
  for (const { path, sizeBytes, numSamples: count } of files) {
    endSample += count;
    rangeFiles.push({ path, endSample, content: await readContent(path, sizeBytes, budget) });
  }
  const capacity = lengths.reduce((most, length) => Math.max(most, length), 1);
  return { ranges: { files: rangeFiles, starts, lengths }, capacity };
}

/** A file's bytes in shared memory where the budget allows, else null. */
async function readContent(path: string, numBytes: number, budget: MemoryBudget): Promise<Uint8Array | null> {
  if (!budget.take(numBytes)) return null;
  const content = new Uint8Array(allocateShared(numBytes), 0, numBytes);
  await readInto(path, 0, content);
  return content;
}
