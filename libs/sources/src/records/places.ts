/** Where the samples of a source are in its files, for people. Samples are numbered through all files; bad ones have no number. */
export interface Places {
  /** What is counted in a file: `row`, `line`, `record`. */
  readonly unit: string;
  readonly files: readonly FilePlaces[];
}

export interface FilePlaces {
  readonly path: string;
  readonly numSamples: number;
  /** Numbers, from 1 and in order, of what is no sample: bad records, blank lines, a header. */
  readonly skipped: readonly number[];
}

/** `<path>, row 7` for the sample with this index. */
export function placeOfSample({ unit, files }: Places, index: number): string {
  let rest = index;
  for (const { path, numSamples, skipped } of files) {
    if (rest < numSamples) return `${path}, ${unit} ${numberInFile(rest, skipped)}`;
    rest -= numSamples;
  }
  return `sample ${index}`;
}

/** The number, from 1, of the record `ordinal` (from 0), when those in `skipped` are none. */
export function numberInFile(ordinal: number, skipped: readonly number[]): number {
  let number = ordinal + 1;
  for (const other of skipped) {
    if (other > number) break;
    number += 1;
  }
  return number;
}
