import { AnnealError } from "@anneal/contracts";

/** `DATASET_CORRUPT` with what the file should hold and what it does. */
export function datasetCorrupt(
  path: string,
  what: string,
  expected: string | number,
  found: string | number,
): AnnealError {
  return new AnnealError(
    "DATASET_CORRUPT",
    `${path}: ${what}: expected ${expected}, found ${found}.`,
    "Fetch the file again, or point the recipe at the right one.",
    { path, what, expected, found },
  );
}

/** `DATASET_NOT_FOUND` for a file that cannot be opened or read. */
export function datasetNotFound(path: string, cause: unknown): AnnealError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new AnnealError(
    "DATASET_NOT_FOUND",
    `The data file ${path} cannot be read: ${reason}`,
    "Check the path; relative paths belong to the recipe's directory.",
    { path, reason },
    { cause },
  );
}

/** `LABEL_OUT_OF_RANGE`: a label that is none of the classes 0 .. numClasses - 1. */
export function labelOutOfRange(path: string, index: number, label: number, numClasses: number): AnnealError {
  return new AnnealError(
    "LABEL_OUT_OF_RANGE",
    `${path}: sample ${index} has the label ${label}, but the classes are 0..${numClasses - 1}.`,
    "Correct the labels, or the recipe's number of classes.",
    { path, index, label: Number.isNaN(label) ? "NaN" : label, numClasses },
  );
}

/** `BAD_RECORD`: one sample that cannot be read, of data that otherwise can. */
export function badRecord(place: string, cause: unknown): AnnealError {
  const reason = (cause instanceof Error ? cause.message : String(cause)).split("\n", 1)[0]!.trim();
  return new AnnealError(
    "BAD_RECORD",
    `${place} cannot be read: ${reason}`,
    "Mend the record or take it out, or let the data skip bad records.",
    { place, reason },
    { cause },
  );
}

/** `SOURCE_FAILED`: the person's own code that gives samples cannot be loaded, or threw. */
export function sourceFailed(module: string, exportName: string, place: string | null, cause: unknown): AnnealError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new AnnealError(
    "SOURCE_FAILED",
    `The generator ${module} (${exportName}) failed${place === null ? "" : ` at ${place}`}: ${reason}`,
    "Mend the generator, or give the recipe other data.",
    { module, exportName, place, cause: reason },
    { cause },
  );
}
