import type { ComputePrecision } from "@anneal/contracts";
import { type BenchResult, type Row, rowsOf } from "../harness/bench.ts";
import { formatNumber } from "../harness/render.ts";
import { median, roundRatios } from "../harness/statistics.ts";
import type { Measured, WorkloadResult } from "./measure.ts";
import type { SubjectSpec } from "./subject-specs.ts";

type Family = SubjectSpec["family"];

const { compared, measured: alone } = rowsOf("step");
const tfjs: Family = "tfjs-node model.fit";
const python: readonly Family[] = ["Keras", "PyTorch"];
/** Whom our step is compared with, where they were measured: one row each. */
const peerFamilies: readonly Family[] = [
  "Anneal eager",
  "Anneal float32",
  tfjs,
  ...python,
  "hand-written graph",
  "TensorFlow's mixed precision",
];
/** Whom the geometric mean over the workloads is of. */
const meanPeers: readonly { readonly peer: string; readonly families: readonly Family[] }[] = [
  { peer: tfjs, families: [tfjs] },
  { peer: "Anneal float32", families: ["Anneal float32"] },
  { peer: "the better Python peer", families: python },
  { peer: "hand-written graph", families: ["hand-written graph"] },
  { peer: "TensorFlow's mixed precision", families: ["TensorFlow's mixed precision"] },
];

/** Rows against the best variant of each peer, means over the workloads, and a sentence a workload that shows equal work. */
export function reportSteps(results: readonly WorkloadResult[], precision: ComputePrecision): BenchResult {
  const suffix = precision === "float32" ? "" : `, ${precision}`;
  return {
    rows: [...results.flatMap((result) => workloadRows(result, suffix)), ...meanRows(results, suffix)],
    notes: results.flatMap((result) => [describe(result), ...result.notes]),
    details: results.map(({ workload, numSteps, measured, productShare }) => ({
      workload: workload.name,
      productShare,
      batchSize: workload.batchSize,
      numStepsPerRound: numSteps,
      subjects: measured.map(({ subject, ready: { numParameters, prepareMs }, ...rest }) => ({
        name: subject.name,
        precision: subject.precision,
        numParameters,
        prepareMs,
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

function workloadRows({ workload: { title }, measured }: WorkloadResult, suffix: string): Row[] {
  const workload = `${title}${suffix}`;
  const ours = measured[0]!;
  const peers = peerFamilies.flatMap((family) => fastest(measured, [family]) ?? []);
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
function meanRows(results: readonly WorkloadResult[], suffix: string): Row[] {
  return meanPeers.flatMap(({ peer, families }) => {
    const ratios = results.flatMap(({ measured }) => {
      const best = fastest(measured, families);
      return best === undefined ? [] : [median(roundRatios(measured[0]!.msPerStep, best.msPerStep, "lower"))];
    });
    if (ratios.length < 2) return [];
    const value = Math.exp(ratios.reduce((sum, ratio) => sum + Math.log(ratio), 0) / ratios.length);
    const workload = `geometric mean of ${ratios.length}${suffix}`;
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
