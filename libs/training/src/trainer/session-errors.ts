import { AnnealError, type Fingerprint } from "@anneal/contracts";

/** Fields of a fingerprint that say which data a run is trained with begin so. */
export const dataPrefix = "data.";

/** This machine, or this data, is another: fields of the fingerprint that differ, as they were recorded and as they are now. */
export function mismatch(differences: readonly string[], recorded: Fingerprint, now: Fingerprint): AnnealError {
  if (differences.every((name) => name.startsWith(dataPrefix))) return dataChanged(differences);
  const shown = differences.map((name) => `${name}: ${recorded[name] ?? null} -> ${now[name] ?? null}`).join("; ");
  return new AnnealError(
    "FINGERPRINT_MISMATCH",
    `this machine would not compute the same bits (${shown})`,
    "Resume on a machine like the first one, or resume with --allow-inexact: the run is then marked inexact.",
    { differences: differences.join(", "), details: shown.slice(0, 1_000) },
  );
}

function dataChanged(differences: readonly string[]): AnnealError {
  const splits = differences.map((name) => name.slice(dataPrefix.length)).join(", ");
  return new AnnealError(
    "DATASET_CHANGED",
    `the data or its transforms are not those that this run was trained with (${splits})`,
    "Put the data back as it was, or resume with --allow-inexact: the run is then marked inexact.",
    { splits },
  );
}

export function noCheckpoint(runId: string): AnnealError {
  return new AnnealError(
    "CHECKPOINT_NOT_FOUND",
    `the run ${runId} has no checkpoint`,
    "Start the run anew under another id.",
    { runId },
  );
}

export function noSplit(split: string): AnnealError {
  return new AnnealError(
    "DATASET_NOT_FOUND",
    `the recipe has no ${split} data`,
    "Evaluate on another split, or give the recipe such data.",
    { split },
  );
}
