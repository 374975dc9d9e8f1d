import { type BenchResult, type Row, rowsOf } from "../harness/bench.ts";
import { formatNumber } from "../harness/render.ts";
import { median } from "../harness/statistics.ts";
import type { DataWorkloadResult, MeasuredData } from "./measure.ts";
import type { EpochTimes } from "./protocol.ts";

const { compared, measured: alone } = rowsOf("data");
const python = ["tf.data", "PyTorch DataLoader"];

/** Rows against the faster variant of each peer, and a sentence a workload that shows equal work. */
export function reportData(results: readonly DataWorkloadResult[]): BenchResult {
  return {
    rows: [...results.flatMap(workloadRows), ...bestPeerRows(results)],
    notes: results.flatMap((result) => [describe(result), ...result.notes]),
    details: results.map(({ workload, numSamples, consumeMs, measured }) => ({
      workload: workload.name,
      numSamples,
      batchSize: workload.batchSize,
      consumeMs,
      subjects: measured.map(({ spec, ...rest }) => ({ name: spec.name, ...rest })),
    })),
  };
}

function workloadRows({ workload: { title: workload }, consumeMs, measured }: DataWorkloadResult): Row[] {
  const ours = measured[0]!;
  const peers = ["tfjs-data", ...python].flatMap((family) => fastest(measured, [family]) ?? []);
  const against = (
    metric: string,
    unit: string,
    better: "higher" | "lower",
    values: (one: MeasuredData) => readonly number[],
  ): Row[] =>
    peers.map((peer) => compared({ workload, metric, unit, peer: peer.spec.name, better }, values(ours), values(peer)));
  return [
    ...against("a later epoch", "samples/s", "higher", speeds),
    ...against("first epoch, from nothing", "samples/s", "higher", ({ first }) => [speed(first)]),
    ...against("peak memory, all processes", "MiB", "lower", ({ baseMiB, peakMiB }) => [baseMiB + peakMiB]),
    ...against("of it for data", "MiB", "lower", ({ peakMiB }) => [peakMiB]),
    ...measured
      .filter(({ consumed }) => consumed.length > 0)
      .flatMap(({ spec, consumed }) => [
        alone(
          { workload, metric: `consumer of ${consumeMs} ms waits, ${spec.name}`, unit: "% of time" },
          consumed.map(waitShare),
        ),
        alone({ workload, metric: `wait at an epoch's border, ${spec.name}`, unit: "ms" }, consumed.flatMap(bordersMs)),
      ]),
  ];
}

/** The fastest of these families' variants, by the median of its later epochs. */
function fastest(measured: readonly MeasuredData[], families: readonly string[]): MeasuredData | undefined {
  const candidates = measured.filter(({ spec }) => families.includes(spec.family));
  return candidates.sort((a, b) => median(speeds(b)) - median(speeds(a)))[0];
}

/** Of each workload that has Python peers, the ratio to the best of them. */
function bestPeerRows(results: readonly DataWorkloadResult[]): Row[] {
  return results.flatMap(({ workload: { title: workload }, measured }) => {
    const best = fastest(measured, python);
    if (best === undefined) return [];
    const what = { workload, metric: "a later epoch", unit: "samples/s", better: "higher" } as const;
    return [compared({ ...what, peer: `the best Python peer: ${best.spec.name}` }, speeds(measured[0]!), speeds(best))];
  });
}

function speed({ numSamples, elapsedMs }: EpochTimes): number {
  return (numSamples * 1_000) / elapsedMs;
}

function speeds({ later }: MeasuredData): readonly number[] {
  return later.map(speed);
}

/** Of the time of all epochs, in per cent, without the start: the wait for the very first batch. */
function waitShare(epochs: readonly EpochTimes[]): number {
  const startMs = epochs[0]?.firstWaitMs ?? 0;
  const waitMs = epochs.reduce((sum, epoch) => sum + epoch.waitMs, 0) - startMs;
  const elapsedMs = epochs.reduce((sum, epoch) => sum + epoch.elapsedMs, 0) - startMs;
  return (100 * waitMs) / elapsedMs;
}

function bordersMs(epochs: readonly EpochTimes[]): readonly number[] {
  return epochs.slice(1).map(({ firstWaitMs }) => firstWaitMs);
}

function describe({ workload, numSamples, measured }: DataWorkloadResult): string {
  const subjects = measured.map((one) => {
    const { mean, std } = one.statistics;
    const speedOf = formatNumber(median(speeds(one)));
    return `${one.spec.name} ${speedOf} (${formatNumber(mean)} ± ${formatNumber(std)})`;
  });
  return `${workload.name}: ${numSamples.toLocaleString("en")} samples an epoch; samples/s of a later epoch (mean and spread of the inputs): ${subjects.join(", ")}`;
}
