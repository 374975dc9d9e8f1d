import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { writeFileAtomic } from "@anneal/checkpoint";
import { AnnealError, jsonSchema, nullOn } from "@anneal/contracts";
import { z } from "zod";

const fieldSchema = z.object({ shape: z.array(z.int().min(0)), dtype: z.enum(["uint8", "int32", "float32"]) });

/** `model.json` of a run: what is needed beside the recipe to build its model again, without opening its data. */
const modelRecordSchema = z.object({
  format: z.literal("anneal-model"),
  version: z.literal(1),
  recipeDir: z.string(),
  inputs: fieldSchema,
  labels: fieldSchema,
  numClasses: z.int().nullable(),
  /** What the transforms of its data learned from the training samples, before step 1. */
  fitted: z.record(z.string(), jsonSchema).default({}),
  /** Shape of one sample's output. */
  outputShape: z.array(z.int().min(0)),
});
export type ModelRecord = z.infer<typeof modelRecordSchema>;

/** What transforms learned when a run was prepared; nothing where it was not. */
export async function readFitted(runDirectory: string): Promise<ModelRecord["fitted"]> {
  return (await nullOn("RUN_NOT_FOUND", readModelRecord(runDirectory)))?.fitted ?? {};
}

export function modelRecordPath(runDirectory: string): string {
  return join(runDirectory, "model.json");
}

export async function writeModelRecord(
  runDirectory: string,
  record: Omit<ModelRecord, "format" | "version">,
): Promise<void> {
  const text = JSON.stringify({ format: "anneal-model", version: 1, ...record } satisfies ModelRecord, null, 2);
  await writeFileAtomic(modelRecordPath(runDirectory), `${text}\n`);
}

/** @throws AnnealError RUN_NOT_FOUND when the run was never prepared */
export async function readModelRecord(runDirectory: string): Promise<ModelRecord> {
  const path = modelRecordPath(runDirectory);
  try {
    return modelRecordSchema.parse(JSON.parse(await readFile(path, "utf8")));
  } catch (cause) {
    throw notPrepared(runDirectory, path, cause);
  }
}

function notPrepared(runDirectory: string, path: string, cause: unknown): AnnealError {
  return new AnnealError(
    "RUN_NOT_FOUND",
    `there is no prepared run in ${runDirectory}: ${path} cannot be read`,
    "Give the folder of a run, or of a checkpoint within a run's folder.",
    { path },
    { cause },
  );
}
