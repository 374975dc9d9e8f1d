import { expect, it } from "vitest";
import type { Measured } from "./measure.ts";
import { reportSteps } from "./report.ts";
import type { SubjectSpec } from "./subject-specs.ts";
import { workloads } from "./workloads.ts";

function measured(name: string, family: SubjectSpec["family"], msPerStep: readonly number[]): Measured {
  return {
    subject: {
      name,
      family,
      variant: "",
      precision: "float32",
      budgetBytes: null,
      isOptional: false,
      command: { file: "", args: [], env: {} },
    },
    version: "1",
    ready: { type: "ready", numParameters: 1_000, prepareMs: 100 },
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
  const { rows, notes } = reportSteps([result(workloads[0], 20), result(workloads[1], 5)], "float32");
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
  expect(reportSteps([alone], "float32").rows).toEqual([
    expect.objectContaining({ metric: "prepare", value: 100, peer: null, ratio: null }),
  ]);
});

it("compares bfloat16 with float32 and with a graph written by hand, and names the precision", () => {
  const in16Bits = (workload: (typeof workloads)[number]) => {
    const {
      measured: [ours, ...peers],
      ...rest
    } = result(workload, 10);
    const others = [
      measured("Anneal float32", "Anneal float32", [16, 16, 16]),
      measured("hand-written graph", "hand-written graph", [9, 9, 9]),
    ];
    return { ...rest, measured: [ours!, ...others, ...peers] };
  };
  const { rows } = reportSteps([in16Bits(workloads[0]), in16Bits(workloads[1])], "bfloat16");
  expect(rows.every(({ workload }) => workload.endsWith(", bfloat16"))).toBe(true);
  const ratios = rows.filter(({ metric }) => metric === "step").map(({ peer, ratio }) => [peer, ratio]);
  expect(ratios.slice(0, 5)).toEqual([
    ["Anneal float32", 1.6],
    ["tfjs-node model.fit", 8],
    ["Keras jit_compile", 2],
    ["PyTorch", 1.6],
    ["hand-written graph", 0.9],
  ]);
  expect(ratios.slice(-4)).toEqual([
    ["tfjs-node model.fit", expect.closeTo(8)],
    ["Anneal float32", expect.closeTo(1.6)],
    ["the better Python peer", expect.closeTo(1.6)],
    ["hand-written graph", expect.closeTo(0.9)],
  ]);
});
