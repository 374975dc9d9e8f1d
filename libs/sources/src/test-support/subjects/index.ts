import type { Subject } from "../subject.ts";
import { npy, npzDeflated, npzStored } from "./arrays-of-numpy.ts";
import { imageFolder } from "./image-folder.ts";
import { arrays, idx, textWindows } from "./memory.ts";
import { csvTable, jsonlTable, parquetTable, textTable, tsvTable } from "./tables.ts";
import { textLines } from "./text-lines.ts";
import { tfrecordImages, tfrecordNumbers, tfrecordTexts } from "./tfrecords.ts";

/** Every kind of source: a new one adds a row. */
export const subjects: readonly Subject[] = [
  idx,
  arrays,
  textWindows,
  imageFolder,
  csvTable,
  tsvTable,
  jsonlTable,
  parquetTable,
  textTable,
  textLines,
  npy,
  npzStored,
  npzDeflated,
  tfrecordImages,
  tfrecordTexts,
  tfrecordNumbers,
];
