import type { MemoryDecision } from "@anneal/contracts";
import { expect, test } from "vitest";
import { memoryFacts } from "./memory.ts";

const rung = (microBatches: number, prefetchBatches = 8) => ({ prefetchBatches, microBatches, recomputeSegments: 1 });
const decision: MemoryDecision = {
  rung: rung(1),
  why: "no budget was given",
  budgetBytes: null,
  predictedPeakBytes: null,
  batchBytes: 1_024,
};
const why = "out of memory after step 1200: the trainer ran out of memory";

test("nothing of a run that nobody asked to take less", () => {
  expect(memoryFacts({ decision, moves: [] }, 10)).toEqual([["memory", null]]);
});

test("what was decided for a budget, and what was asked for", () => {
  const planned = { ...decision, rung: rung(4), why: "a peak of 1 GiB is predicted", budgetBytes: 2 ** 31 };
  expect(memoryFacts({ decision: planned, moves: [] }, 0)).toEqual([
    ["memory", "micro-batches 4: a peak of 1 GiB is predicted"],
  ]);
  expect(memoryFacts({ decision: { ...decision, budgetBytes: 2 ** 31 }, moves: [] }, 0)[0]![1]).toContain(
    "whole batches: ",
  );
});

test("which steps ran on which rung, and why", () => {
  const moves = [
    { step: 1_200, rung: rung(2, 2), why },
    { step: 1_300, rung: rung(4, 2), why: "pressure" },
  ];
  expect(memoryFacts({ decision, moves }, 1_300)).toEqual([
    ["memory", "micro-batches 4, 2 batches ahead since step 1,300: pressure"],
    ["", "steps 1-1,200: whole batches (no budget was given)"],
    ["", `steps 1,201-1,300: micro-batches 2, 2 batches ahead (${why})`],
    ["", "from step 1,301: micro-batches 4, 2 batches ahead"],
  ]);
  expect(memoryFacts({ decision, moves }, 1_400).at(-1)).toEqual([
    "",
    "steps 1,301-1,400: micro-batches 4, 2 batches ahead (pressure)",
  ]);
});
