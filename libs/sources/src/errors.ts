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

/** `DATASET_CORRUPT`: a generator gave fewer samples than it should. */
export function generatorEnded(
  { module, exportName }: { readonly module: string; readonly exportName: string },
  what: string,
  expected: string | number,
  found: number,
): AnnealError {
  const { code, message, facts } = datasetCorrupt(`${module} (${exportName})`, what, expected, found);
  const remedy =
    "Mend the generator, which must give as many samples each epoch, or declare as many as it gives: numSamples.";
  return new AnnealError(code, message, remedy, facts);
}

/** `DISK_FULL` for the failure of a write that found no room, else null. */
export function diskFull(directory: string, cause: unknown): AnnealError | null {
  const { code } = (cause ?? {}) as NodeJS.ErrnoException;
  if (code !== "ENOSPC" && code !== "EDQUOT") return null;
  return new AnnealError(
    "DISK_FULL",
    `There is no room for data in ${directory}.`,
    "Make room (anneal gc removes data that nobody uses any more), or set ANNEAL_CACHE to a directory that has some.",
    { path: directory, reason: code },
    { cause },
  );
}

/** `DATASET_SCHEMA`: data that holds other things than the recipe asks for. `part` is a column, a feature, an array. */
export function datasetSchema(path: string, part: string, expected: string, found: string): AnnealError {
  return new AnnealError(
    "DATASET_SCHEMA",
    `${path}: "${part}": expected ${expected}, found ${found}.`,
    "Correct the names in the recipe, or the file.",
    { path, column: part, expected, found },
  );
}

/** `DATASET_SCHEMA`: a file of a class that is none of those given. */
export function unknownClass(path: string, name: string, classNames: readonly string[]): AnnealError {
  return new AnnealError(
    "DATASET_SCHEMA",
    `${path} is of the class ${name}, which is none of ${classNames.length} given.`,
    "Add the class to classNames, or take it out.",
    { path, expected: classNames.slice(0, 10).join(", "), found: name },
  );
}

/** Throws a RangeError for names that are empty or not different. */
export function requireNames(what: string, names: readonly string[] | null): void {
  if (names === null) return;
  if (names.length === 0) throw new RangeError(`${what} must be one name or more`);
  if (new Set(names).size < names.length) throw new RangeError(`${what} must be different names`);
}
