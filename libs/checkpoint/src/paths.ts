import { join, resolve } from "node:path";
import { AnnealError, type ReportFiles, runIdSchema } from "@anneal/contracts";

/** Where runs and the local stack live: `ANNEAL_HOME`, by default `.anneal` at the root of this repository. */
export function annealHome(): string {
  const chosen = process.env.ANNEAL_HOME;
  return chosen ? resolve(chosen) : resolve(import.meta.dirname, "../../../.anneal");
}

/** The parts of a run's directory. All absolute; none need exist. */
export interface RunPaths {
  readonly root: string;
  /** `run.json`. */
  readonly record: string;
  /** Snapshots of the recipe's source, a directory for each digest. */
  readonly recipe: string;
  readonly checkpoints: string;
  readonly staging: string;
  /** Compiled graphs by their digest: kept for a resume, and compiled anew where they are missing. */
  readonly graphs: string;
  readonly logs: string;
  /** `metrics.jsonl`. */
  readonly metrics: string;
  /** `ledger.json`: what the run's steps really did. */
  readonly ledger: string;
}

export function runsDirectory(home: string): string {
  return join(resolve(home), "runs");
}

/** Throws `RUN_NOT_FOUND` for what can be no run's id: an id is a folder's name, and must not lead elsewhere. */
export function runPaths(home: string, runId: string): RunPaths {
  if (!runIdSchema.safeParse(runId).success) throw noRunId(runId);
  return runPathsAt(join(runsDirectory(home), runId));
}

/** The report of a comparison. All absolute; none need exist. */
export interface ComparePaths extends ReportFiles {
  readonly root: string;
}

/** Throws `RUN_NOT_FOUND` for what can be no comparison's id, which is as a run's. */
export function comparePaths(home: string, compareId: string): ComparePaths {
  if (!runIdSchema.safeParse(compareId).success) throw noRunId(compareId);
  const root = join(resolve(home), "compares", compareId);
  return {
    root,
    markdown: join(root, "report.md"),
    json: join(root, "report.json"),
    svg: join(root, "report.svg"),
  };
}

/** The same for a run's directory wherever it is. */
export function runPathsAt(runDirectory: string): RunPaths {
  const root = resolve(runDirectory);
  return {
    root,
    record: join(root, "run.json"),
    recipe: join(root, "recipe"),
    checkpoints: join(root, "checkpoints"),
    staging: join(root, "staging"),
    graphs: join(root, "graphs"),
    logs: join(root, "logs"),
    metrics: join(root, "metrics.jsonl"),
    ledger: join(root, "ledger.json"),
  };
}

function noRunId(runId: string): AnnealError {
  return new AnnealError(
    "RUN_NOT_FOUND",
    `"${runId}" can be no run's id.`,
    "List the runs with `anneal list`; an id has letters, digits and . _ : + - only.",
    { runId },
  );
}
