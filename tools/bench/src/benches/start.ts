import { existsSync, mkdirSync, readdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { cacheDirectory } from "@anneal/runtime";
import { type Bench, type BenchScope, rowsOf } from "../harness/bench.ts";
import { DirectRun } from "../subjects/direct-run.ts";
import { mnistSpec } from "../subjects/mnist.ts";
import { Stack } from "../subjects/stack.ts";

/** How long a person waits: for the stack, for the first step after a command, and for a step of a living trainer. */
export const start: Bench = {
  name: "start",
  measures: "time to the first step, cold and warm; of the stack, of a run, of a trainer",
  async run(scope) {
    const numRounds = scope.rounds(3, 1);
    const stacks: StackTimes[] = [];
    const trainers: TrainerTimes[] = [];
    for (let round = 0; round < numRounds; round += 1) {
      stacks.push(await timeStack(scope));
      trainers.push(await timeTrainer(scope));
    }
    const { measured } = rowsOf("start");
    const row = (workload: string, metric: string, valuesMs: readonly number[]) =>
      measured({ workload, metric, unit: "ms" }, valuesMs);
    const ofStack = (pick: (times: StackTimes) => number) => stacks.map(pick);
    const ofTrainer = (pick: (times: TrainerTimes) => number) => trainers.map(pick);
    return {
      rows: [
        row(
          "stack",
          "up, no workflow bundle yet",
          ofStack(({ coldUpMs }) => coldUpMs),
        ),
        row(
          "stack",
          "up, bundle cached",
          ofStack(({ warmUpMs }) => warmUpMs),
        ),
        row(
          "mnist by command",
          "first step, first run of a stack",
          ofStack(({ firstRunMs }) => firstRunMs),
        ),
        row(
          "mnist by command",
          "first step, next run",
          ofStack(({ nextRunMs }) => nextRunMs),
        ),
        row(
          "mnist, trainer",
          "first step, cold",
          ofTrainer(({ spawnMs, prepareMs, stepMs }) => spawnMs + prepareMs + stepMs),
        ),
        row(
          "mnist, trainer",
          "of it: process",
          ofTrainer(({ spawnMs }) => spawnMs),
        ),
        row(
          "mnist, trainer",
          "of it: recipe, data, TensorFlow, step 0",
          ofTrainer(({ prepareMs }) => prepareMs),
        ),
        row(
          "mnist, trainer",
          "of it: step 1 and its checkpoint",
          ofTrainer(({ stepMs }) => stepMs),
        ),
        row(
          "mnist, trainer",
          "first step, warm (next segment)",
          ofTrainer(({ nextStepMs }) => nextStepMs),
        ),
      ],
      notes: ["first steps are over when their checkpoint is committed; the disk's cache was warm throughout"],
    };
  },
};

interface StackTimes {
  readonly coldUpMs: number;
  readonly warmUpMs: number;
  readonly firstRunMs: number;
  readonly nextRunMs: number;
}

async function timeStack(scope: BenchScope): Promise<StackTimes> {
  const stack = new Stack(scope, { ANNEAL_CACHE: cacheWithoutBundles(scope.temporaryDirectory()) });
  const coldUpMs = await timed(() => stack.up());
  const firstRunMs = await stack.timeToFirstStep("first");
  const nextRunMs = await stack.timeToFirstStep("next");
  await stack.down();
  const warmUpMs = await timed(() => stack.up());
  await stack.down();
  return { coldUpMs, warmUpMs, firstRunMs, nextRunMs };
}

interface TrainerTimes {
  readonly spawnMs: number;
  readonly prepareMs: number;
  readonly stepMs: number;
  readonly nextStepMs: number;
}

async function timeTrainer(scope: BenchScope): Promise<TrainerTimes> {
  const run = await DirectRun.start(scope.temporaryDirectory(), "start", mnistSpec({ maxSteps: 2 }));
  scope.defer(() => run.close());
  const first = await run.train(1);
  const next = await run.train(1);
  await run.close();
  return { ...run.startTimes, stepMs: first.elapsedMs, nextStepMs: next.elapsedMs };
}

/** A cache with everything that was downloaded and built, but for the workflow bundles. */
function cacheWithoutBundles(directory: string): string {
  const cache = cacheDirectory();
  mkdirSync(directory, { recursive: true });
  for (const name of existsSync(cache) ? readdirSync(cache) : []) {
    if (name !== "workflow-bundles") symlinkSync(join(cache, name), join(directory, name));
  }
  return directory;
}

async function timed(run: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await run();
  return performance.now() - startedAt;
}
