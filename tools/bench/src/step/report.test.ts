import { expect, it } from "vitest";
import { checkEqualWork, type Measured, type SubjectSpec } from "./measure.ts";
import { reportSteps } from "./report.ts";
import { workloads } from "./workloads.ts";

function measured(name: string, family: SubjectSpec["family"], msPerStep: readonly number[]): Measured {
  return {
    subject: { name, family, variant: "", isOptional: false, command: { file: "", args: [], env: {} } },
    ready: { type: "ready", numParameters: 1_000, prepareMs: 100, version: "1" },
    firstLoss: 2.5,
    msPerStep,
    losses: msPerStep.map(() => 2),
    peakMemoryMiB: 200,
  };
}

const result = (workload: (typeof workloads)[number], oursMs: number) => ({
  workload,
  numSteps: 2,
  productShare: 0.8,
  notes: ["one is missing"],
  measured: [
    measured("Anneal", "Anneal", [oursMs, oursMs, oursMs]),
    measured("tfjs-node model.fit", "tfjs-node model.fit", [80, 90, 70]),
    measured("Keras", "Keras", [30, 30, 30]),
    measured("Keras jit_compile", "Keras", [10, 20, 21]),
    measured("PyTorch", "PyTorch", [16, 16, 40]),
  ],
});

it("compares with the best variant of each peer, and the mean with the better of the Python peers", () => {
  const { rows, notes } = reportSteps([result(workloads[0], 20), result(workloads[1], 5)]);
  const ratios = rows.filter(({ metric }) => metric === "step").map(({ peer, ratio }) => [peer, ratio]);
  expect(ratios).toEqual([
    ["tfjs-node model.fit", 4],
    ["Keras jit_compile", 1],
    ["PyTorch", 0.8],
    ["tfjs-node model.fit", 16],
    ["Keras jit_compile", 4],
    ["PyTorch", 3.2],
    ["tfjs-node model.fit", expect.closeTo(8)],
    ["the better Python peer", expect.closeTo(Math.sqrt(0.8 * 3.2))],
  ]);
  expect(notes[0]).toContain("mlp: 1,000 parameters in each");
  expect(notes[0]).toContain("Keras jit_compile 20 ms (2.5, 2)");
  expect(notes).toContain("one is missing");
});

it("says nothing of peers that were not measured", () => {
  const alone = { ...result(workloads[0], 20), measured: result(workloads[0], 20).measured.slice(0, 1) };
  expect(reportSteps([alone]).rows).toEqual([
    expect.objectContaining({ metric: "prepare", value: 100, peer: null, ratio: null }),
  ]);
});

it.each([
  { numParameters: 1_001, firstLoss: 2.5 },
  { numParameters: 1_000, firstLoss: 2.51 },
  { numParameters: 1_000, firstLoss: Number.NaN },
])("refuses to compare a model with one of $numParameters parameters and a first loss of $firstLoss", (other) => {
  const ours = { spec: { name: "ours" }, ready: { numParameters: 1_000 }, firstLoss: 2.5 };
  const peer = { spec: { name: "peer" }, ready: other, firstLoss: other.firstLoss };
  expect(() => checkEqualWork({ name: "mlp" }, [ours, peer])).toThrow(/the mlp of peer/);
  expect(() => checkEqualWork({ name: "mlp" }, [ours, { ...ours, firstLoss: 2.501 }])).not.toThrow();
});
