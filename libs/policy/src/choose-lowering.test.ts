import type { LoweringDecision } from "@anneal/contracts";
import { expect, test } from "vitest";
import { chooseLowering, executionsWorthTrying } from "./choose-lowering.ts";

const measured = (graph: number, xla: number, grouped = graph): LoweringDecision["candidates"] => [
  { lowering: "graph", stepsPerCall: 1, milliseconds: graph },
  { lowering: "graph", stepsPerCall: 8, milliseconds: grouped },
  { lowering: "xla", stepsPerCall: 1, milliseconds: xla },
];

test.each([
  [100, 80, 100, "xla", 1],
  [100, 97, 100, "graph", 1],
  [100, 200, 100, "graph", 1],
  [100, 200, 96, "graph", 8],
  [100, 96, 98, "graph", 1],
  [100, 96, 96.5, "graph", 8],
  [100, 80, 90, "xla", 1],
  [100, 90, 80, "graph", 8],
])("of %d ms a step, %d ms with XLA and %d ms with eight a call: %s, %d a call", (graph, xla, grouped, lowering, k) => {
  const candidates = measured(graph, xla, grouped);
  const decision = chooseLowering(candidates);
  expect(decision).toMatchObject({ lowering, stepsPerCall: k, candidates });
  expect(decision.why).toContain(`xla ${xla.toPrecision(3)} ms`);
  expect(decision.why).toContain(`graph x8 ${grouped.toPrecision(3)} ms`);
});

test("of one candidate, that one", () => {
  expect(chooseLowering([{ lowering: "graph", milliseconds: 2 }])).toMatchObject({
    lowering: "graph",
    stepsPerCall: 1,
    why: "nothing is clearly faster: graph 2.00 ms a step",
  });
});

const trial = (numSteps: number, milliseconds: number, { maxStepsPerCall = 1_000, openMilliseconds = 10 } = {}) =>
  executionsWorthTrying({ numSteps, maxStepsPerCall }, { milliseconds, openMilliseconds }).map(
    ({ lowering, stepsPerCall }) => `${lowering} ${stepsPerCall}`,
  );

test("XLA is worth a trial in a training of ten minutes or more", () => {
  expect(trial(59_000, 10)).toEqual([]);
  expect(trial(60_000, 10)).toEqual(["xla 1"]);
});

test("several steps a call are, where steps are short and many, and a call is no longer than people notice", () => {
  expect(trial(19_000, 1)).toEqual([]);
  expect(trial(20_000, 1)).toEqual(["graph 4", "graph 8"]);
  expect(trial(40_000, 0.5)).toEqual(["graph 8", "graph 16"]);
  expect(trial(1_000_000, 0.1)).toEqual(["graph 16", "graph 32"]);
  expect(trial(20_000, 4)).toEqual(["graph 2"]);
  expect(trial(20_000, 5)).toEqual([]);
  expect(trial(1_000_000, 1)).toEqual(["graph 4", "graph 8", "xla 1"]);
});

test("not more than there are batches in a row, nor more than can be compiled in a small share of the training", () => {
  expect(trial(20_000, 1, { maxStepsPerCall: 5 })).toEqual(["graph 2", "graph 4"]);
  expect(trial(20_000, 1, { maxStepsPerCall: 1 })).toEqual([]);
  expect(trial(20_000, 1, { openMilliseconds: 125 })).toEqual(["graph 2", "graph 4"]);
  expect(trial(20_000, 1, { openMilliseconds: 1_000 })).toEqual([]);
});
