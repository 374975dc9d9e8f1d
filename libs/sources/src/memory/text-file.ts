import { isUtf8 } from "node:buffer";
import { readFile } from "node:fs/promises";
import { datasetCorrupt, datasetNotFound } from "../errors.ts";
import { allocateShared } from "../shared-memory.ts";

interface Text {
  /** Each character of the text, as its place in the vocabulary: the text's different characters by code point. In shared memory. */
  readonly characters: Int32Array;
  readonly vocabularySize: number;
}

/** Reads a UTF-8 file as characters (code points). Throws `DATASET_NOT_FOUND`; `DATASET_CORRUPT` for what is no UTF-8. */
export async function readText(path: string): Promise<Text> {
  const bytes = await readFile(path).catch((cause) => {
    throw datasetNotFound(path, cause);
  });
  if (!isUtf8(bytes)) throw datasetCorrupt(path, "encoding", "UTF-8", "bytes that are none");
  const text = bytes.toString("utf8");
  const codePoints = new Set<number>();
  let numCharacters = 0;
  for (const character of text) {
    codePoints.add(character.codePointAt(0)!);
    numCharacters += 1;
  }
  const sorted = [...codePoints].sort((a, b) => a - b);
  const places = new Map(sorted.map((codePoint, place) => [codePoint, place]));
  const characters = new Int32Array(allocateShared(4 * numCharacters), 0, numCharacters);
  let at = 0;
  for (const character of text) {
    characters[at] = places.get(character.codePointAt(0)!)!;
    at += 1;
  }
  return { characters, vocabularySize: sorted.length };
}
