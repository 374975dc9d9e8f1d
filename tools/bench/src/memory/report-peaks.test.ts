import type { ComputePrecision } from "@anneal/contracts";
import { expect, it } from "vitest";
import type { SubjectSpec } from "../step/subject-specs.ts";
import { workloads } from "../step/workloads.ts";
import type { MeasuredSubject } from "./measure.ts";
import { reportPeaks } from "./report-peaks.ts";

function measured(
  family: SubjectSpec["family"],
  precision: ComputePrecision,
  steps: readonly number[],
): MeasuredSubject {
  const command = { file: "", args: [], env: {} };
  return {
    subject: { name: family, family, variant: "", precision, budgetBytes: null, isOptional: false, command },
    version: "1",
    peaks: steps.map((step) => ({ base: 400, ready: 430, step, process: 450 + step })),
  };
}

it("compares peaks of one precision, and bfloat16 with our own float32", () => {
  const ours = [measured("Anneal", "float32", [100, 80, 90]), measured("Anneal", "bfloat16", [50, 45, 60])];
  const peers = [measured("Keras", "float32", [180, 180, 180]), measured("Keras", "bfloat16", [100, 90])];
  const { rows, notes } = reportPeaks([
    { workload: workloads[0], measured: [...ours, ...peers], notes: ["one failed"] },
  ]);
  const title = workloads[0].title;
  expect(rows.map(({ workload, metric, value, peer, ratio }) => [workload, metric, value, peer, ratio])).toEqual([
    [`${title}, bfloat16`, "step's peak", 50, "Anneal float32", expect.closeTo(80 / 45)],
    [`${title}, bfloat16`, "process's peak", 500, "Anneal float32", expect.closeTo(530 / 495)],
    [title, "step's peak", 90, "Keras", 2],
    [title, "process's peak", 540, "Keras", expect.closeTo(630 / 540)],
    // Of the rounds that both have.
    [`${title}, bfloat16`, "step's peak", 47.5, "Keras", 2],
    [`${title}, bfloat16`, "process's peak", 497.5, "Keras", expect.closeTo((550 / 500 + 540 / 495) / 2)],
  ]);
  expect(notes[0]).toContain("mlp: MiB of the runtime + of a step");
  expect(notes[0]).toContain("Anneal bfloat16 400 + 50 (500)");
  expect(notes).toContain("one failed");
});
