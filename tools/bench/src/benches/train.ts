import { type Bench, rowsOf } from "../harness/bench.ts";
import { interleave } from "../harness/interleave.ts";
import { formatNumber } from "../harness/render.ts";
import { median } from "../harness/statistics.ts";
import { DirectRun, type TimedSegment } from "../subjects/direct-run.ts";
import { mnistSpec } from "../subjects/mnist.ts";
import { ModelFit } from "../subjects/model-fit.ts";
import { peakMemoryMiB, resetPeakMemory } from "../subjects/process-usage.ts";

const peer = "tfjs-node model.fit";
const parameters = { epochs: 100, batchSize: 128 };
/** The recipe's own; its schedule has no counterpart in `model.fit`. */
const learningRate = 0.003;

/** Our loop against tfjs-node's, on the same model, data, batches, TensorFlow and threads, each in a process of its own. */
export const train: Bench = {
  name: "train",
  measures: "images/s of training, against tfjs-node's model.fit",
  async run(scope) {
    const numRounds = scope.rounds(7, 2);
    const [numWarmUp, numSteps] = scope.choose([30, 200], [2, 5]);
    const totalSteps = numWarmUp + numRounds * numSteps;
    const home = scope.temporaryDirectory();
    const ours = await DirectRun.start(home, "train", mnistSpec({ parameters, maxSteps: totalSteps }));
    scope.defer(() => ours.close());
    const theirs = await ModelFit.start({ numSteps: totalSteps, parameters, learningRate });
    scope.defer(() => theirs.close());
    const warmUp = await ours.train(numWarmUp);
    await theirs.fit(numWarmUp);
    for (const { pid } of [ours, theirs]) resetPeakMemory(pid);

    const rounds = await interleave(numRounds, {
      ours: async (round) => {
        const segment = await ours.train(numSteps);
        return { ...segment, stepsOfEpoch: (numWarmUp + (round + 1) * numSteps) % ours.plan.stepsPerEpoch };
      },
      theirs: () => theirs.fit(numSteps),
    });
    const speed = (side: "ours" | "theirs") =>
      rounds.map((round) => (round[side].numSamples * 1_000) / round[side].elapsedMs);
    const [, ...ourLosses] = lossesByRound([
      { mean: lossOf(warmUp), numSteps: numWarmUp },
      ...rounds.map(({ ours }) => ({ mean: lossOf(ours), numSteps: ours.stepsOfEpoch })),
    ]);
    const theirLosses = rounds.map(({ theirs }) => theirs.loss);
    const shown = (losses: readonly number[]) => losses.map((loss) => formatNumber(loss)).join(", ");

    const workload = `mnist, batch ${parameters.batchSize}, f32`;
    const { compared } = rowsOf("train");
    const memory = [[peakMemoryMiB(ours.pid)], [peakMemoryMiB(theirs.pid)]] as const;
    return {
      rows: [
        compared(
          { workload, metric: "speed", unit: "images/s", peer, better: "higher" },
          speed("ours"),
          speed("theirs"),
        ),
        compared({ workload, metric: "peak memory", unit: "MiB", peer, better: "lower" }, ...memory),
      ],
      notes: [
        `${formatNumber(median(speed("theirs")))} images/s by model.fit; a round is ${numSteps} steps`,
        `mean training loss of each round, ours: ${shown(ourLosses)}; model.fit: ${shown(theirLosses)}: the same initial weights, and within the first epoch the same batches in the same order; dropout masks and learning rates differ (ours warms up and decays)`,
      ],
    };
  },
};

function lossOf({ result }: TimedSegment): number {
  return result.metrics.loss ?? Number.NaN;
}

/** Our loop tells the mean since the epoch began: what the steps of each round alone add to it. */
export function lossesByRound(
  rounds: readonly { readonly mean: number; readonly numSteps: number }[],
): readonly number[] {
  return rounds.map(({ mean, numSteps }, round) => {
    const before = rounds[round - 1];
    const isSameEpoch = before !== undefined && before.numSteps < numSteps;
    return isSameEpoch ? (mean * numSteps - before.mean * before.numSteps) / (numSteps - before.numSteps) : mean;
  });
}
