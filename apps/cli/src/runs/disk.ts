import {
  listRunRecords,
  openCheckpointStore,
  type RunRecord,
  readLedger,
  readRunRecord,
  runPaths,
} from "@anneal/checkpoint";
import type { RunView } from "./view.ts";

/** Runs as their folders tell of them: for when no server can be asked, or it has forgotten them. */
export async function listFromDisk(home: string): Promise<RunView[]> {
  const records = await listRunRecords(home);
  return Promise.all(records.map((record) => fromRecord(home, record)));
}

/** Throws RUN_NOT_FOUND. */
export async function viewFromDisk(home: string, runId: string): Promise<RunView> {
  return await fromRecord(home, await readRunRecord(home, runId));
}

/** Whether the newest checkpoint is the run's last one. */
export function isComplete(run: RunView): boolean {
  return run.status === "completed";
}

async function fromRecord(home: string, { runId, spec, plan, createdAt }: RunRecord): Promise<RunView> {
  const [newest] = await openCheckpointStore(runPaths(home, runId).root).list();
  const state = newest?.manifest.state;
  const isDone = plan !== null && state !== undefined && (state.step >= plan.totalSteps || state.stoppedEarly);
  const last = state?.history.at(-1);
  return {
    runId,
    recipe: spec.recipe.name,
    // Whether it is active, failed or was cancelled only the server knows.
    status: isDone ? "completed" : "unknown",
    step: state?.step ?? 0,
    totalSteps: plan?.totalSteps ?? null,
    epoch: state?.epoch ?? 0,
    epochs: plan?.epochs ?? null,
    metrics: last?.validation ?? last?.train ?? {},
    best: state?.best ?? null,
    checkpoint: newest ? { step: newest.step, epoch: newest.epoch, path: newest.path, digest: newest.digest } : null,
    evaluation: null,
    exports: null,
    ledger: await readLedger(runPaths(home, runId).root),
    data: state?.badRecords ? { numReplaced: state.badRecords.numMet, numLeftOut: 0, badPlaces: [], feed: null } : null,
    memory: plan?.memory ? { decision: plan.memory, moves: state?.rungMoves ?? [] } : null,
    precision: plan?.precision ?? null,
    samplesPerSecond: null,
    secondsLeft: null,
    stoppedEarly: state?.stoppedEarly ?? false,
    exact: newest?.manifest.exact ?? true,
    numFailedAttempts: 0,
    recentFailures: [],
    skipped: [],
    note: null,
    error: null,
    startedAt: createdAt,
    endedAt: null,
    uiUrl: null,
  };
}
