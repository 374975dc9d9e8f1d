import { expect, test } from "vitest";
import { chooseLowering, isWorthMeasuring } from "./choose-lowering.ts";

const measured = (graph: number, xla: number) => [
  { lowering: "graph", milliseconds: graph } as const,
  { lowering: "xla", milliseconds: xla } as const,
];

test.each([
  [100, 80, "xla"],
  [100, 97, "graph"],
  [100, 200, "graph"],
])("of %d ms a step and %d ms with XLA: %s", (graph, xla, expected) => {
  const decision = chooseLowering(measured(graph, xla));
  expect(decision).toMatchObject({ lowering: expected, candidates: measured(graph, xla) });
  expect(decision.why).toContain(`xla ${xla.toPrecision(3)} ms`);
});

test("only a training of ten minutes or more is worth a trial", () => {
  expect(isWorthMeasuring(10, 59_000)).toBe(false);
  expect(isWorthMeasuring(10, 60_000)).toBe(true);
});
