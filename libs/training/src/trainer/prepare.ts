import { dirname } from "node:path";
import {
  type CheckpointEntry,
  canonicalJson,
  openCheckpointStore,
  type RunRecord,
  readRunRecord,
  writeRunRecord,
} from "@anneal/checkpoint";
import {
  AnnealError,
  type PreparedRun,
  type PrepareInput,
  type RunSpec,
  type SkippedCheckpoint,
  type TrainingPlan,
} from "@anneal/contracts";
import { readFitted, writeModelRecord } from "./model-record.ts";
import { discardPrepared, type RecipeSource, recipeChanged, recordedSource, snapshotForRun } from "./recipe-source.ts";
import { chooseRung } from "./rung-choice.ts";
import { TrainerSession } from "./session.ts";
import type { SessionEvents, SessionOptions } from "./session-options.ts";
import { chooseThreads } from "./setup.ts";

export interface PreparedSession {
  readonly session: TrainerSession;
  readonly result: PreparedRun;
}

/**
 * Checks everything that can be wrong before step 1, then takes the run over and commits or loads its first state.
 * What was written for a new run is taken back when it fails before its first checkpoint.
 */
export async function prepareRun(
  runDirectory: string,
  input: PrepareInput,
  events: SessionEvents,
): Promise<PreparedSession> {
  const { runId, spec, attempt, resume, outOfMemory = null } = input;
  const home = homeOf(runDirectory);
  const newest = await newestOf(runDirectory);
  const record = await readRecord(home, runId);
  if (newest === null && record === null && resume !== null) throw neverWas(runId);
  const source = await chooseSource(runDirectory, input, newest?.manifest.recipe.digest ?? null);
  const isNew = newest === null;
  let session: TrainerSession | null = null;
  try {
    const recorded = isNew ? null : planOf(record, spec, source.digest);
    // Checkpoints and no wish to resume: fine when this is the same prepare again, whose answer was lost.
    if (!isNew && resume === null && recorded === null) throw runExists(runId);
    const threads = chooseThreads(spec, record?.plan?.threads);
    const rung = newest === null || recorded === null ? null : chooseRung(spec, recorded, newest);
    session = await TrainerSession.open({
      runId,
      runDirectory,
      spec,
      source,
      threads,
      recorded,
      rung,
      fitted: isNew ? {} : await readFitted(runDirectory),
      outOfMemory,
      events,
    });
    await session.acquire(attempt);
    const skipped = isNew ? [] : await session.loadNewest(resume?.allowInexact ?? false, "master");
    if (resume !== null && !isNew) requireMoreToDo(session);
    const { plan, setup, outputShape } = session;
    await writeRunRecord(home, { runId, spec, plan, createdAt: record?.createdAt ?? new Date().toISOString() });
    const { inputs, labels, numClasses, fitted } = setup.datasets.train;
    await writeModelRecord(runDirectory, {
      recipeDir: source.recipeDir,
      inputs: { ...inputs, shape: [...inputs.shape] },
      labels: { ...labels, shape: [...labels.shape] },
      numClasses,
      fitted: { ...fitted },
      outputShape: [...outputShape],
    });
    // The checkpoint comes last: a run that has one was prepared.
    if (isNew) await session.commitInitial();
    else await session.topicGroup.claim(session.state);
    return { session, result: preparedRun(session, skipped) };
  } catch (cause) {
    // Who was fenced leaves everything to the attempt that owns the run now.
    const isFenced = cause instanceof AnnealError && cause.code === "FENCED";
    const isNothing = isNew && !isFenced && (await hasNoCheckpoint(runDirectory));
    if (isNothing) await session?.topicGroup.release();
    await session?.close();
    if (isNothing) await discardPrepared(runDirectory, source.digest, record === null);
    throw cause;
  }
}

/** Loads a run that was prepared before into this process, with the recipe of this digest. */
export async function openRecordedRun(
  options: Omit<SessionOptions, "source" | "fitted">,
  recipeDigest: string,
): Promise<TrainerSession> {
  const source = await recordedSource(options.runDirectory, recipeDigest, options.spec);
  return TrainerSession.open({ ...options, source, fitted: await readFitted(options.runDirectory) });
}

/** False also where it cannot be known: then nothing is taken back. */
async function hasNoCheckpoint(runDirectory: string): Promise<boolean> {
  const checkpoints = await openCheckpointStore(runDirectory)
    .list()
    .catch(() => null);
  return checkpoints?.length === 0;
}

/** A run's folder is `<home>/runs/<runId>`. */
export function homeOf(runDirectory: string): string {
  return dirname(dirname(runDirectory));
}

async function chooseSource(
  runDirectory: string,
  { spec, resume }: PrepareInput,
  recorded: string | null,
): Promise<RecipeSource> {
  if (resume === null || recorded === null || resume.recipeVersion === "current") {
    return snapshotForRun(runDirectory, spec);
  }
  if (resume.recipeVersion === null && (await recipeChanged(recorded, spec))) throw recipeWasEdited(spec, recorded);
  return recordedSource(runDirectory, recorded, spec);
}

/** The plan that was recorded, where it is that of this spec and this recipe. */
function planOf(record: RunRecord | null, spec: RunSpec, recipeDigest: string): TrainingPlan | null {
  const plan = record?.plan ?? null;
  const isSame =
    plan?.recipeDigest === recipeDigest && canonicalJson(asJson(record!.spec)) === canonicalJson(asJson(spec));
  return isSame ? plan : null;
}

function runExists(runId: string): AnnealError {
  return new AnnealError(
    "RUN_EXISTS",
    `there is a run ${runId} already`,
    `Resume it with \`anneal resume ${runId}\`, remove it with \`anneal rm ${runId}\`, or choose another --run-id.`,
    { runId },
  );
}

function requireMoreToDo(session: TrainerSession): void {
  if (!session.isFinished) return;
  const { state, plan, options } = session;
  throw new AnnealError(
    "RUN_COMPLETE",
    `the run ${options.runId} is complete: ${state.step} steps${state.stoppedEarly ? ", stopped early" : ""}`,
    "To train longer, start a new run whose initialWeights are this run's checkpoint.",
    { runId: options.runId, step: state.step, totalSteps: plan.totalSteps },
  );
}

function preparedRun(session: TrainerSession, skipped: readonly SkippedCheckpoint[]): PreparedRun {
  return { plan: session.plan, start: session.result(skipped) };
}

/** Null where there are none; a run whose checkpoints are all damaged must not begin anew over them. */
async function newestOf(runDirectory: string): Promise<CheckpointEntry | null> {
  const store = openCheckpointStore(runDirectory);
  const [newest] = await store.list();
  return newest ?? (await store.loadLatest())?.checkpoint ?? null;
}

async function readRecord(home: string, runId: string): Promise<RunRecord | null> {
  try {
    return await readRunRecord(home, runId);
  } catch (cause) {
    if (cause instanceof AnnealError && cause.code === "RUN_NOT_FOUND") return null;
    throw cause;
  }
}

function recipeWasEdited({ recipe }: RunSpec, recorded: string): AnnealError {
  return new AnnealError(
    "RECIPE_CHANGED",
    `the recipe ${recipe.path} is not the one that this run started with`,
    "Say which to go on with: `--recipe-version recorded` for the source kept with the run, `current` for the file as it is.",
    { path: recipe.path, recorded },
  );
}

function neverWas(runId: string): AnnealError {
  return new AnnealError("RUN_NOT_FOUND", `there is no run ${runId} to resume`, "List the runs with `anneal list`.", {
    runId,
  });
}

/** Fields that are undefined and fields that are missing are the same. */
function asJson(spec: RunSpec): RunSpec {
  return JSON.parse(JSON.stringify(spec)) as RunSpec;
}
