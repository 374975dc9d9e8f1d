import { expect, test } from "vitest";
import { rungSpans } from "./rung-spans.ts";

const rung = (microBatches: number) => ({ prefetchBatches: 8, microBatches, recomputeSegments: 1 });
const start = { rung: rung(1), why: "no budget was given" };

test("steps by the rung that they were made on", () => {
  const moves = [
    { step: 120, rung: rung(2), why: "a" },
    { step: 120, rung: rung(4), why: "b" },
    { step: 300, rung: rung(8), why: "c" },
  ];
  expect(rungSpans(start, [], 0)).toEqual([]);
  expect(rungSpans(start, [], 10)).toEqual([{ from: 1, to: 10, ...start }]);
  expect(rungSpans(start, moves, 350)).toEqual([
    { from: 1, to: 120, ...start },
    { from: 121, to: 300, rung: rung(4), why: "b" },
    { from: 301, to: 350, rung: rung(8), why: "c" },
  ]);
  expect(rungSpans(start, moves, 200).at(-1)).toEqual({ from: 121, to: 200, rung: rung(4), why: "b" });
});
