import { PositionedFile } from "./block.ts";

/** Where the samples of a source are in its files, for people. Samples are numbered through all files. */
export interface Places {
  /** What is counted in a file: `row`, `line`, `record`. */
  readonly unit: string;
  readonly files: readonly { readonly path: string; readonly numSamples: number }[];
  /**
   * A file with the number that each sample has in its own file, uint32, from 1: bad ones and blank lines count too. Null: they
   * are counted from 0, all of them.
   */
  readonly numbersPath: string | null;
}

/** `<path>, line 7` for the sample with this index. */
export function placeOfSample({ unit, files, numbersPath }: Places, index: number): string {
  let rest = index;
  for (const { path, numSamples } of files) {
    if (rest < numSamples) return `${path}, ${unit} ${numbersPath === null ? rest : numberOf(numbersPath, index)}`;
    rest -= numSamples;
  }
  return `sample ${index}`;
}

function numberOf(path: string, index: number): number {
  const number = new Uint32Array(1);
  const file = new PositionedFile(path);
  try {
    file.read(4 * index, new Uint8Array(number.buffer));
  } finally {
    file.close();
  }
  return number[0]!;
}
