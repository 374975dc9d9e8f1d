import { mkdir, readFile } from "node:fs/promises";
import { AnnealError, type RunSpec, runIdSchema, runSpecSchema, type TrainingPlan } from "@anneal/contracts";
import { errnoOf, explainDiskError } from "./disk-errors.ts";
import { writeFileAtomic } from "./files.ts";
import { namesIn } from "./layout.ts";
import { runPaths, runsDirectory } from "./paths.ts";

/** `run.json`: what commands need to know of a run without asking a server. */
export interface RunRecord {
  readonly runId: string;
  readonly spec: RunSpec;
  /** Null until the run was prepared. */
  readonly plan: TrainingPlan | null;
  /** ISO 8601. */
  readonly createdAt: string;
}

/** Writes or replaces the record of `record.runId`; makes the run's directory. */
export async function writeRunRecord(home: string, record: RunRecord): Promise<void> {
  const paths = runPaths(home, record.runId);
  try {
    await mkdir(paths.root, { recursive: true });
    await writeFileAtomic(paths.record, `${JSON.stringify(record, null, 2)}\n`);
  } catch (error) {
    throw explainDiskError(error, paths.record);
  }
}

/** Throws `RUN_NOT_FOUND` when there is no such run, or its record cannot be read. */
export async function readRunRecord(home: string, runId: string): Promise<RunRecord> {
  const paths = runPaths(home, runId);
  let text: string;
  try {
    text = await readFile(paths.record, "utf8");
  } catch (error) {
    if (errnoOf(error) === "ENOENT" || errnoOf(error) === "ENOTDIR")
      throw runNotFound(runId, `no ${paths.record}`, error);
    throw explainDiskError(error, paths.record);
  }
  try {
    const { runId: writtenId, spec, plan, createdAt } = JSON.parse(text) as Record<keyof RunRecord, unknown>;
    if (writtenId !== runId || typeof createdAt !== "string" || typeof plan !== "object")
      throw new Error("not a record");
    // The plan is read as it was written: it has no schema of its own, and only this package writes the file.
    return { runId, spec: runSpecSchema.parse(spec), plan: plan as TrainingPlan | null, createdAt };
  } catch (cause) {
    throw runNotFound(runId, `${paths.record} is damaged`, cause);
  }
}

/** The records of all runs that have a readable one, newest first. */
export async function listRunRecords(home: string): Promise<readonly RunRecord[]> {
  const records: RunRecord[] = [];
  for (const name of await namesIn(runsDirectory(home))) {
    if (!runIdSchema.safeParse(name).success) continue;
    try {
      records.push(await readRunRecord(home, name));
    } catch (error) {
      if (!(error instanceof AnnealError && error.code === "RUN_NOT_FOUND")) throw error;
    }
  }
  return records.sort((a, b) => (a.createdAt > b.createdAt ? -1 : 1));
}

function runNotFound(runId: string, why: string, cause?: unknown): AnnealError {
  return new AnnealError(
    "RUN_NOT_FOUND",
    `There is no run "${runId}" here: ${why}.`,
    "List the runs with `anneal list`, or set ANNEAL_HOME to where the run is.",
    { runId },
    { cause },
  );
}
