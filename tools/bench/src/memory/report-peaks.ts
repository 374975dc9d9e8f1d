import { type BenchResult, type Row, rowsOf } from "../harness/bench.ts";
import { formatNumber } from "../harness/render.ts";
import { median } from "../harness/statistics.ts";
import type { MeasuredMemory, MeasuredSubject } from "./measure.ts";
import type { PeakMemory } from "./peaks.ts";

const { compared } = rowsOf("memory");

/** Rows of peaks against each peer of the same precision, and our bfloat16 against our float32. */
export function reportPeaks(results: readonly MeasuredMemory[]) {
  return {
    rows: results.flatMap(peakRows),
    notes: results.flatMap((result) => [describe(result), ...result.notes]),
    details: results.map(({ workload, measured }) => ({
      workload: workload.name,
      subjects: measured.map(({ subject, version, peaks }) => {
        return { name: subject.name, precision: subject.precision, version, peaks };
      }),
    })),
  } satisfies BenchResult;
}

function peakRows({ workload: { title }, measured }: MeasuredMemory): readonly Row[] {
  const [float32, bfloat16, ...peers] = measured as readonly [MeasuredSubject, MeasuredSubject, ...MeasuredSubject[]];
  return [float32, ...peers].flatMap((peer) => {
    const isOurs = peer === float32;
    const ours = !isOurs && peer.subject.precision === "float32" ? float32 : bfloat16;
    const workload = ours === bfloat16 ? `${title}, bfloat16` : title;
    const name = isOurs ? "Anneal float32" : peer.subject.name;
    const row = (metric: string, part: keyof PeakMemory): Row =>
      compared({ workload, metric, unit: "MiB", peer: name, better: "lower" }, ...inRounds(ours, peer, part));
    return [row("step's peak", "step"), row("process's peak", "process")];
  });
}

/** Of rounds that both have. */
function inRounds(ours: MeasuredSubject, peer: MeasuredSubject, part: keyof PeakMemory) {
  const numRounds = Math.min(ours.peaks.length, peer.peaks.length);
  const values = ({ peaks }: MeasuredSubject) => peaks.slice(0, numRounds).map((peak) => peak[part]);
  return [values(ours), values(peer)] as const;
}

function describe({ workload, measured }: MeasuredMemory): string {
  const subjects = measured.map(({ subject, peaks }) => {
    const [base, step, whole] = (["base", "step", "process"] as const).map((part) =>
      formatNumber(median(peaks.map((peak) => peak[part]))),
    );
    return `${subject.name} ${subject.precision} ${base} + ${step} (${whole})`;
  });
  return `${workload.name}: MiB of the runtime + of a step (of the whole process, with what comes before step 1): ${subjects.join(", ")}`;
}
