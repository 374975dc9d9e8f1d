import type { CommittedCheckpoint } from "@anneal/checkpoint";
import { openCheckpointStore } from "@anneal/checkpoint";
import type { ManifestDraft, RunSpec } from "@anneal/contracts";
import type { EngineState } from "@anneal/training";
import { type Bench, type BenchScope, rowsOf } from "../harness/bench.ts";
import { interleave } from "../harness/interleave.ts";
import { formatNumber } from "../harness/render.ts";
import { median, quantile } from "../harness/statistics.ts";
import { DirectRun } from "../subjects/direct-run.ts";
import { machineThreads, mnistPath, mnistSpec, openMnist } from "../subjects/mnist.ts";
import { runRing } from "../subjects/ring-run.ts";

const parameters = { epochs: 100 };
const workload = "mnist, adam";
const minuteMs = 60_000;

/** What checkpoints cost a run: in all (two runs, one of them without), and by part (stall, commit, bytes). */
export const checkpoint: Bench = {
  name: "checkpoint",
  measures: "what checkpoints cost: share of the time at one a minute, stall, commit, bytes",
  async run(scope) {
    const whole = await compareRuns(scope);
    const parts = await measureParts(scope);
    const { measured } = rowsOf("checkpoint");
    const costs = whole.costsMs;
    const row = (metric: string, unit: string, values: readonly number[]) =>
      measured({ workload, metric, unit }, values);
    const share = row(
      "share at one a minute",
      "% of time",
      costs.map((ms) => (ms / minuteMs) * 100),
    );
    return {
      rows: [
        share,
        row("cost of one, stall and interference", "ms", costs),
        row("stall, median", "ms", [median(parts.stallsMs)]),
        row("stall, longest", "ms", [quantile(parts.stallsMs, 1)]),
        row("commit while training, median", "ms", [median(parts.commits.map(({ stats }) => stats.durationMs))]),
        row("size", "MiB", [(parts.commits[0]?.stats.numBytes ?? 0) / 2 ** 20]),
      ],
      notes: [
        `share at one a minute = cost of one / 60 s (target < 2 %): ${share.value < 2 ? "met" : "MISSED"}; the cost comes from two interleaved runs, one with a checkpoint every ${whole.everyMs} ms (${formatNumber(whole.slowdown * 100)} % slower), one without`,
        `cost of one by round: ${costs.map(formatNumber).join(", ")} ms; around zero, it is smaller than the machine's drift`,
        `stalls and commits: ${parts.stallsMs.length} of each, the parts of a trainer put together, training meanwhile`,
      ],
    };
  },
};

/** Extra time per extra checkpoint, by round. Noise may make it negative: it is reported as it is. */
async function compareRuns(scope: BenchScope) {
  const numRounds = scope.rounds(7, 2);
  const [numWarmUp, numSteps, everyMs] = scope.choose([20, 400, 1_000], [2, 6, 100]);
  const maxSteps = numWarmUp + numRounds * numSteps;
  const home = scope.temporaryDirectory();
  const open = async (runId: string, spec: RunSpec) => {
    const run = await DirectRun.start(home, runId, spec);
    scope.defer(() => run.close());
    await run.train(numWarmUp);
    return run;
  };
  const often = await open("often", mnistSpec({ parameters, maxSteps, checkpoint: { everyMs } }));
  const never = await open("never", mnistSpec({ parameters, maxSteps }));
  const rounds = await interleave(numRounds, {
    often: () => often.train(numSteps),
    never: () => never.train(numSteps),
  });
  await Promise.all([often.close(), never.close()]);
  const costsMs = rounds.map((round) => {
    const numExtra = round.often.numCheckpoints - round.never.numCheckpoints;
    return (round.often.elapsedMs - round.never.elapsedMs) / Math.max(1, numExtra);
  });
  const slowdown = median(rounds.map((round) => round.often.elapsedMs / round.never.elapsedMs)) - 1;
  return { costsMs, slowdown, everyMs };
}

/** Single stalls of the loop, and commits meanwhile: what a trainer does not tell one by one. */
async function measureParts(scope: BenchScope) {
  const [numSteps, snapshotEvery] = scope.choose([400, 10], [6, 2]);
  const spec = mnistSpec({ parameters });
  const mnist = await openMnist(spec);
  const { plan } = mnist;
  const store = openCheckpointStore(scope.temporaryDirectory());
  await store.acquire(1);
  const commits: Promise<CommittedCheckpoint>[] = [];
  const { stallsMs } = await runRing({
    plan,
    startItem: 0,
    stopItem: numSteps,
    work: {
      kind: "train",
      engine: {
        recipePath: mnistPath,
        parameters: mnist.parameters,
        seed: spec.seed,
        batchSize: plan.batchSize,
        inputs: plan.inputs,
        labels: plan.labels,
        numClasses,
        initialWeights: null,
      },
      totalSteps: numSteps,
      snapshotEvery,
      threads: machineThreads,
    },
    onSnapshot: (step, { model, optimizer, optimizerScalars }) => {
      commits.push(store.commit(1, { draft: draftOf(spec, step, optimizerScalars), model, optimizer }));
    },
  });
  return { stallsMs, commits: await Promise.all(commits) };
}

const numClasses = 10;

/** A manifest like a trainer's, but for what only a run has. */
function draftOf(spec: RunSpec, step: number, optimizer: EngineState["optimizerScalars"]): ManifestDraft {
  return {
    runId: "parts",
    seed: spec.seed,
    recipe: { name: "mnist", digest: "" },
    parameters: spec.parameters,
    policy: spec.policy,
    optimizerName: "adam",
    fingerprint: {},
    exact: true,
    lockfileDigest: "",
    monitor: { metric: "train/accuracy", direction: "maximize", value: null },
    state: {
      step,
      epoch: 0,
      cursor: { item: step },
      accumulator: { numSamples: 0, sums: {} },
      history: [],
      best: null,
      numEpochsWithoutImprovement: 0,
      stoppedEarly: false,
      optimizer: { ...optimizer },
    },
  };
}
