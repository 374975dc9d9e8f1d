import type { Ledger } from "@anneal/contracts";
import { expect, test } from "vitest";
import { ledgerFacts } from "./ledger.ts";

const ledger: Ledger = {
  step: 19,
  precision: "bfloat16",
  ranIn: "bfloat16",
  productShare: 1,
  timeShares: { bfloat16: 0.75, float32: 0.25 },
  stepMilliseconds: 12.345,
  tensors: [
    { class: "masterWeights", dtype: "float32", numBytes: 2_000_000, bytesAtPeak: 2_000_000 },
    { class: "weights", dtype: "bfloat16", numBytes: 1_000_000, bytesAtPeak: 1_000_000 },
    { class: "workspace", dtype: "int32", numBytes: 12, bytesAtPeak: 12 },
  ],
  kernels: [
    { op: "_MklMatMul", dtype: "bfloat16", numRuns: 3, microseconds: 900 },
    { op: "ResourceApplyAdam", dtype: null, numRuns: 8, microseconds: 100 },
  ],
  memory: {
    runtimeBytes: 400_000_000,
    tensorBytes: 90_000_000,
    measuredBytes: 500_000_000,
    difference: 0.02,
    peakBytes: 600_000_000,
  },
  shadowLosses: [{ step: 0, loss: 1, float32Loss: 1.0021, relativeDifference: 0.0021 }],
};

test("a ledger as lines of a report", () => {
  expect(ledgerFacts(ledger)).toEqual([
    ["precision", "bfloat16: 100 % of the time of products and convolutions"],
    ["loss error", "within 0.21 % of float32's on 1 training batch"],
    ["step time", "12.35 ms, measured"],
    [
      "kernels",
      "bfloat16 75 % of the time, float32 25 % of the time; _MklMatMul bfloat16 90 %, ResourceApplyAdam 10 %",
    ],
    ["tensors", "master weights float32 2.0 MB, weights bfloat16 1.0 MB"],
    [
      "memory",
      "500.0 MB in a step: 90.0 MB tensors, 400.0 MB runtime and data, 2 % not accounted for; peak of the process 600.0 MB",
    ],
  ]);
});

test("a warning where a run is not what it was asked to be, or its memory does not add up", () => {
  const facts = new Map(
    ledgerFacts({
      ...ledger,
      ranIn: "float32",
      productShare: 0.05,
      shadowLosses: [],
      memory: { ...ledger.memory!, tensorBytes: 190_000_000, difference: -0.18 },
    }),
  );
  expect(facts.get("precision")).toBe(
    "WARNING: asked for bfloat16, ran in float32: 5 % of the time of products and convolutions was in bfloat16",
  );
  expect(facts.get("loss error")).toBeNull();
  expect(facts.get("memory")).toContain("WARNING: 18 % counted too much");
});
