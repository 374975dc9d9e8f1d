import { datasetCorrupt } from "../errors.ts";
import { memorySource } from "./memory-source.ts";
import { readText } from "./text-file.ts";

/** A text, cut into windows of characters whose labels are the characters that follow. */
export interface TextWindowsDeclaration {
  readonly kind: "text";
  /** Absolute path of a UTF-8 file. */
  readonly path: string;
  /** Characters of a sample. */
  readonly length: number;
}

/** Throws `DATASET_NOT_FOUND`, `DATASET_CORRUPT`. */
export async function openTextWindows({ path, length }: TextWindowsDeclaration) {
  const { characters, vocabularySize } = await readText(path);
  // Of every character the one after it is the label.
  const numSamples = Math.floor((characters.length - 1) / length);
  if (numSamples < 1) throw datasetCorrupt(path, "characters", `${length + 1} or more`, characters.length);
  return memorySource({
    numSamples,
    numClasses: vocabularySize,
    inputs: characters.subarray(0, numSamples * length),
    labels: characters.subarray(1, numSamples * length + 1),
    inputField: { shape: [length], dtype: "int32" },
    labelField: { shape: [length], dtype: "int32" },
    place: path,
  });
}
