import { type Bench, type BenchScope, type Row, rowsOf } from "../harness/bench.ts";
import { formatNumber } from "../harness/render.ts";
import { quantile } from "../harness/statistics.ts";
import { DirectRun, type TimedSegment } from "../subjects/direct-run.ts";
import { machineThreads, mnistPath, mnistSpec, openMnist } from "../subjects/mnist.ts";
import { runRing } from "../subjects/ring-run.ts";

const workloads = [
  { workload: "mnist", parameters: { epochs: 100 } },
  { workload: "mnist, shifted and rotated", parameters: { epochs: 100, augment: true } },
] as const;

/** Whether data ever keep the engine waiting, within an epoch and at its border, and what the feed could do alone. */
export const feed: Bench = {
  name: "feed",
  measures: "share of time that the engine waits for data, at epochs' borders separately; the feed alone",
  async run(scope) {
    const rows: Row[] = [];
    const notes: string[] = [];
    for (const workload of workloads) {
      scope.log(workload.workload);
      const measured = await measure(scope, workload);
      rows.push(...measured.rows);
      notes.push(...measured.notes);
    }
    return { rows, notes };
  },
};

async function measure(scope: BenchScope, { workload, parameters }: (typeof workloads)[number]) {
  const spec = mnistSpec({ parameters });
  const { plan, parameters: parsed, stepsPerEpoch } = await openMnist(spec);
  const { measured } = rowsOf("feed");

  // A real trainer, as its progress has it: how a feed starts, then as many steps as an epoch has, across its border.
  const run = await DirectRun.start(scope.temporaryDirectory(), "feed", spec);
  scope.defer(() => run.close());
  const numFirst = 10;
  const first = await run.train(numFirst);
  const epoch = await run.train(scope.choose(stepsPerEpoch, 20));
  await run.close();

  // The parts of a trainer over epochs' borders alone: a window of steps around each.
  const numBorders = scope.rounds(7, 2);
  const numBeside = scope.choose(40, 4);
  const bordersMs: number[] = [];
  for (let border = 1; border <= numBorders; border += 1) {
    const at = border * stepsPerEpoch;
    const { feed: stats } = await runRing({
      plan,
      startItem: at - numBeside,
      stopItem: at + numBeside,
      work: {
        kind: "train",
        engine: {
          recipePath: mnistPath,
          parameters: parsed,
          seed: spec.seed,
          batchSize: plan.batchSize,
          inputs: plan.inputs,
          labels: plan.labels,
          numClasses: 10,
          initialWeights: null,
        },
        totalSteps: 2 * numBeside,
        snapshotEvery: null,
        threads: machineThreads,
      },
    });
    bordersMs.push(stats.waits.boundaryMs);
  }

  // Nobody but the feed: what it could do.
  const alone: number[] = [];
  for (let round = 0; round < scope.rounds(5, 2); round += 1) {
    const stopItem = scope.choose(2 * stepsPerEpoch, 40);
    const outcome = await runRing({ plan, startItem: 0, stopItem, work: { kind: "drain" } });
    alone.push((outcome.numSamples * 1_000) / outcome.elapsedMs);
  }

  const trained = (epoch.numSamples * 1_000) / epoch.elapsedMs;
  return {
    rows: [
      measured({ workload, metric: "engine waits, an epoch", unit: "% of time" }, [waitShareOf(epoch) * 100]),
      measured({ workload, metric: "engine waits, start of a feed", unit: "ms" }, [
        waitShareOf(first) * loopMs(first, run.plan.batchSize),
      ]),
      measured({ workload, metric: "wait at an epoch's border, median", unit: "ms" }, bordersMs),
      measured({ workload, metric: "wait at an epoch's border, longest", unit: "ms" }, [quantile(bordersMs, 1)]),
      measured({ workload, metric: "feed alone", unit: "samples/s" }, alone),
    ],
    notes: [
      `${workload}: trained at ${formatNumber(trained)} images/s meanwhile; ${numBorders} borders; the start of a feed is the first batch of a run or a resume`,
    ],
  };
}

function waitShareOf({ last }: TimedSegment): number {
  return last?.engineWaitShare ?? Number.NaN;
}

/** How long the loop had run at its last report: the reports are not those of the end. */
function loopMs({ last }: TimedSegment, batchSize: number): number {
  return last?.samplesPerSecond ? (last.step * batchSize * 1_000) / last.samplesPerSecond : Number.NaN;
}
