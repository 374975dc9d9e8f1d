import {
  type GeneratorOptions,
  generatorSource,
  type ImageFolderOptions,
  imageFolderSource,
  npySource,
  npzSource,
  type TableOptions,
  type TextLinesOptions,
  type TfRecordOptions,
  type TopicOptions,
  tableSource,
  textLinesSource,
  tfrecordSource,
  topicSource,
} from "@anneal/sources";
import { Dataset } from "./dataset.ts";

// Paths are absolute; a pattern, several of them, or an address will do. What is wrong with the files shows when a run opens its data:
// `DATASET_NOT_FOUND`, `DATASET_CORRUPT`, `DATASET_SCHEMA`, `LABEL_OUT_OF_RANGE`, `BAD_RECORD`.

/**
 * Images by folders, JPEG, PNG or WebP, decoded and brought to one size by the threads that read them: inputs uint8[height, width,
 * channels], labels int32, the place of the folder's name among all of them.
 *
 * @throws RangeError for sizes that are no integers from 1
 */
export function imageFolder(options: ImageFolderOptions): Dataset {
  return Dataset.of(imageFolderSource(options));
}

/**
 * Rows of CSV, JSON lines or Parquet, converted once: inputs float32[columns] (missing values NaN, categories as codes), or uint8[?] for
 * a column of text; labels int32 classes or float32 targets. Larger than memory if it must be.
 *
 * @throws RangeError for no columns, or for a text beside others
 */
export function table(options: TableOptions): Dataset {
  return Dataset.of(tableSource(options));
}

/** Arrays of NumPy in two files; the first dimension is that of samples. Labels are classes where `numClasses` is given. */
export function npy(options: Parameters<typeof npySource>[0]): Dataset {
  return Dataset.of(npySource(options));
}

/** Two arrays of one archive of NumPy, by name. */
export function npz(options: Parameters<typeof npzSource>[0]): Dataset {
  return Dataset.of(npzSource(options));
}

/** Texts, one a line: uint8[?], UTF-8. */
export function textLines(options: TextLinesOptions): Dataset {
  return Dataset.of(textLinesSource(options));
}

/** Examples of TFRecord files. */
export function tfrecord(options: TfRecordOptions): Dataset {
  return Dataset.of(tfrecordSource(options));
}

/**
 * Samples of an async generator of the person's own, `export default async function* (options, {epoch, start, seed})`, which one thread
 * reads in its order. Of samples that have no numbers there are no selections: no split, no range, no filter, no mixture.
 *
 * @throws RangeError for a number of samples or of classes that is no integer from 1
 */
export function generator(options: GeneratorOptions): Dataset {
  return Dataset.of(generatorSource(options));
}

/**
 * Records of a topic of Kafka, which one thread reads in one order over all partitions: so many as there are when the run is prepared, or
 * up to a time. A checkpoint holds the offsets that trained it, and a resumed run goes on at them. `split()` goes by the keys of records;
 * other selections there are none.
 *
 * What is wrong shows when a run opens its data: `TOPIC_NOT_FOUND`, `BROKER_UNREACHABLE`, `BROKER_ACCESS_DENIED`; later `OFFSETS_EXPIRED`,
 * `DATASET_CHANGED`, `BAD_RECORD`.
 *
 * @throws RangeError for a time that is none or lies ahead, or fields that the format cannot have
 */
export function kafkaTopic(options: TopicOptions): Dataset {
  return Dataset.of(topicSource(options));
}
