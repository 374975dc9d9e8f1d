import { type BenchResult, type Row, rowsOf } from "../harness/bench.ts";
import { formatNumber } from "../harness/render.ts";
import { median, roundRatios } from "../harness/statistics.ts";
import type { Measured, SubjectSpec, WorkloadResult } from "./measure.ts";

type Family = SubjectSpec["family"];

const { compared, measured: alone } = rowsOf("step");
const eager: Family = "Anneal eager";
const tfjs: Family = "tfjs-node model.fit";
const python: readonly Family[] = ["Keras", "PyTorch"];

/** Rows against the best variant of each peer, means over the workloads, and a sentence a workload that shows equal work. */
export function reportSteps(results: readonly WorkloadResult[]): BenchResult {
  return {
    rows: [...results.flatMap(workloadRows), ...meanRows(results)],
    notes: results.flatMap((result) => [describe(result), ...result.notes]),
    details: results.map(({ workload, numSteps, measured, productShare }) => ({
      workload: workload.name,
      productShare,
      batchSize: workload.batchSize,
      numStepsPerRound: numSteps,
      subjects: measured.map(({ subject, ready, ...rest }) => ({
        name: subject.name,
        version: ready.version,
        numParameters: ready.numParameters,
        prepareMs: ready.prepareMs,
        ...rest,
      })),
    })),
  };
}

/** The fastest of these families' variants, by its median. */
function fastest(measured: readonly Measured[], families: readonly Family[]): Measured | undefined {
  const candidates = measured.filter(({ subject }) => families.includes(subject.family));
  return candidates.sort((a, b) => median(a.msPerStep) - median(b.msPerStep))[0];
}

function workloadRows({ workload: { title: workload }, measured }: WorkloadResult): Row[] {
  const ours = measured[0]!;
  const peers = [[eager], [tfjs], ...python.map((family) => [family])].flatMap(
    (families) => fastest(measured, families) ?? [],
  );
  const steps = peers.map(({ subject, msPerStep }) =>
    compared({ workload, metric: "step", unit: "ms", peer: subject.name, better: "lower" }, ours.msPerStep, msPerStep),
  );
  const memory = peers
    .filter(({ subject }) => subject.family === tfjs)
    .map((peer) =>
      compared(
        { workload, metric: "peak memory", unit: "MiB", peer: peer.subject.name, better: "lower" },
        [ours.peakMemoryMiB],
        [peer.peakMemoryMiB],
      ),
    );
  return [...steps, ...memory, alone({ workload, metric: "prepare", unit: "ms" }, [ours.ready.prepareMs])];
}

/** Geometric means of the ratios, where several workloads have them. */
function meanRows(results: readonly WorkloadResult[]): Row[] {
  return [
    { peer: "tfjs-node model.fit", families: [tfjs] },
    { peer: "the better Python peer", families: python },
  ].flatMap(({ peer, families }) => {
    const ratios = results.flatMap(({ measured }) => {
      const best = fastest(measured, families);
      return best === undefined ? [] : [median(roundRatios(measured[0]!.msPerStep, best.msPerStep, "lower"))];
    });
    if (ratios.length < 2) return [];
    const value = Math.exp(ratios.reduce((sum, ratio) => sum + Math.log(ratio), 0) / ratios.length);
    const workload = `geometric mean of ${ratios.length}`;
    return [
      { bench: "step", workload, metric: "step", value, unit: "times as fast", peer, ratio: value, spread: null },
    ];
  });
}

function describe({ workload, numSteps, measured, productShare }: WorkloadResult): string {
  const subjects = measured.map(
    ({ subject, msPerStep, firstLoss, losses }) =>
      `${subject.name} ${formatNumber(median(msPerStep))} ms (${formatNumber(firstLoss)}, ${formatNumber(losses.at(-1)!)})`,
  );
  const numParameters = measured[0]!.ready.numParameters.toLocaleString("en");
  return `${workload.name}: ${numParameters} parameters in each, rounds of ${numSteps} steps; ms a step (loss of the first step, of the last round): ${subjects.join(", ")}; matrix products and convolutions take ${formatNumber(100 * productShare)} % of our nodes' time`;
}
