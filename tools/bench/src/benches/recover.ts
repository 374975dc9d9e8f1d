import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type CheckpointStore, openCheckpointStore } from "@anneal/checkpoint";
import { type Bench, type BenchScope, rowsOf } from "../harness/bench.ts";
import { Stack } from "../subjects/stack.ts";

interface RecoverTimes {
  readonly trainerMs: number;
  readonly workerMs: number;
  readonly cancelMs: number;
}

/** How long a run stands still after a kill -9, until its next step is done and on disk; and how long a cancel takes. */
export const recover: Bench = {
  name: "recover",
  measures: "kill -9 of trainer or worker until the next step is on disk; cancel until the run has ended",
  async run(scope) {
    const numRounds = scope.rounds(3, 1);
    const rounds: RecoverTimes[] = [];
    for (let round = 0; round < numRounds; round += 1) rounds.push(await timeRound(scope));
    const { measured } = rowsOf("recover");
    const row = (metric: string, pick: (times: RecoverTimes) => number) =>
      measured({ workload: "mnist by command", metric, unit: "ms" }, rounds.map(pick));
    return {
      rows: [
        row("trainer killed, to the next step", ({ trainerMs }) => trainerMs),
        row("worker killed, to the next step", ({ workerMs }) => workerMs),
        row("cancel, whole command", ({ cancelMs }) => cancelMs),
      ],
      notes: [
        "a checkpoint every 100 ms tells of the steps; steps that a killed trainer had not saved are done again first",
      ],
    };
  },
};

async function timeRound(scope: BenchScope): Promise<RecoverTimes> {
  const stack = new Stack(scope);
  const { worker } = await stack.up();
  await stack.anneal(
    "train",
    "mnist",
    "--run-id",
    "killed",
    "--epochs",
    "100",
    "--checkpoint-every",
    "100ms",
    "--detach",
  );
  const store = openCheckpointStore(join(stack.home, "runs", "killed"));
  await stepAfter(store, 20);
  const trainerMs = await timeKill(store, await trainerOf(stack));
  const workerMs = await timeKill(store, worker);
  const startedAt = performance.now();
  await stack.anneal("cancel", "killed");
  const cancelMs = performance.now() - startedAt;
  await stack.down();
  return { trainerMs, workerMs, cancelMs };
}

async function trainerOf(stack: Stack): Promise<number> {
  const { pids } = (await stack.anneal("status", "killed")) as { readonly pids?: { readonly trainer: number | null } };
  if (!pids?.trainer) throw new Error("status names no trainer");
  return pids.trainer;
}

/** Milliseconds from the kill until a step is on disk that was not there before. */
async function timeKill(store: CheckpointStore, pid: number): Promise<number> {
  const before = (await store.list())[0]?.step ?? 0;
  const startedAt = performance.now();
  process.kill(pid, "SIGKILL");
  // A commit that was under way may still come from the trainer of a killed worker: it is not the next step.
  await delay(1_000);
  const last = (await store.list())[0]?.step ?? before;
  await stepAfter(store, last);
  return performance.now() - startedAt;
}

async function stepAfter(store: CheckpointStore, step: number): Promise<void> {
  const limit = AbortSignal.timeout(120_000);
  while (((await store.list())[0]?.step ?? 0) <= step) {
    limit.throwIfAborted();
    await delay(20);
  }
}
