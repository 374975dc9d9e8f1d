import { type MemoryRung, policySchema } from "@anneal/contracts";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  type Ladder,
  nextRung,
  numRingSlots,
  plainRung,
  rungInForce,
  rungInWords,
  rungsByPreference,
} from "./memory-ladder.ts";

const memoryOf = (memory: object = {}) => policySchema.parse({ memory }).memory;

function ladderOf({
  batchSize = 64,
  batchBytes = 1_000,
  engine = "compiled",
  ...memory
}: Partial<Ladder> & object = {}) {
  return { batchSize, batchBytes, engine, memory: memoryOf(memory) } as const;
}

/** Rungs from the plain one to the last, as `prefetch/micro-batches/segments`. */
function climb(ladder: Ladder, start = plainRung(memoryOf(ladder.memory))): string[] {
  const rungs: string[] = [];
  for (let rung: MemoryRung | null = start; rung !== null; rung = nextRung(rung, ladder)) rungs.push(short(rung));
  return rungs;
}

function short({ prefetchBatches, microBatches, recomputeSegments }: MemoryRung): string {
  return `${prefetchBatches}/${microBatches}/${recomputeSegments}`;
}

test("the ladder: fewer batches ahead where they are large, smaller micro-batches, recomputation, then the rest", () => {
  expect(climb(ladderOf({ batchBytes: 10 ** 8 }))).toEqual([
    "8/1/1",
    "2/1/1",
    "2/2/1",
    "2/4/1",
    "2/8/1",
    "2/8/4",
    "2/8/16",
    "2/16/16",
    "2/32/16",
    "2/64/16",
    "1/64/16",
  ]);
});

test("small batches are not worth a move of their own", () => {
  expect(climb(ladderOf()).slice(0, 3)).toEqual(["8/1/1", "2/2/1", "2/4/1"]);
});

test("what the policy says by number stays, and the eager engine does not recompute", () => {
  const fixed = { microBatches: 3, recomputeSegments: 2 };
  expect(climb({ ...ladderOf(), memory: memoryOf(fixed) })).toEqual(["8/3/2", "2/3/2", "1/3/2"]);
  expect(climb(ladderOf({ batchSize: 4, engine: "eager" }))).toEqual(["8/1/1", "2/2/1", "2/4/1", "1/4/1"]);
  expect(climb({ ...ladderOf({ batchSize: 16 }), memory: memoryOf({ microBatches: 1 }) })).toEqual([
    "8/1/1",
    "2/1/4",
    "2/1/16",
    "1/1/16",
  ]);
});

test("every move takes less of something and more of nothing, and the ladder ends", () => {
  const ladders = fc.record({
    batchSize: fc.integer({ min: 1, max: 5_000 }),
    batchBytes: fc.integer({ min: 4, max: 10 ** 9 }),
    engine: fc.constantFrom("eager" as const, "compiled" as const),
    memory: fc.record(
      { microBatches: fc.integer({ min: 1, max: 20 }), recomputeSegments: fc.integer({ min: 1, max: 20 }) },
      { requiredKeys: [] },
    ),
  });
  fc.assert(
    fc.property(ladders, fc.integer({ min: 2, max: 256 }), (ladder, prefetchBatches) => {
      let rung = plainRung(memoryOf({ ...ladder.memory, prefetchBatches }));
      for (let numMoves = 0; ; numMoves++) {
        expect(numMoves).toBeLessThan(20);
        const next = nextRung(rung, ladder);
        if (next === null) return;
        expect(next).not.toEqual(rung);
        expect(next.prefetchBatches).toBeLessThanOrEqual(rung.prefetchBatches);
        expect(next.microBatches).toBeGreaterThanOrEqual(rung.microBatches);
        expect(next.recomputeSegments).toBeGreaterThanOrEqual(rung.recomputeSegments);
        expect(next.microBatches).toBeLessThanOrEqual(Math.max(ladder.batchSize, rung.microBatches));
        rung = next;
      }
    }),
  );
});

test("a planner prefers whole batches, then micro-batches, recomputation, both, and fewer batches ahead at last", () => {
  const rungs = [...rungsByPreference(plainRung(memoryOf()), ladderOf({ batchSize: 16 }))].map(short);
  expect(rungs.slice(0, 10)).toEqual([
    "8/1/1",
    "8/2/1",
    "8/1/2",
    "8/1/4",
    "8/1/8",
    "8/1/16",
    "8/2/2",
    "8/2/4",
    "8/2/8",
    "8/2/16",
  ]);
  expect(rungs).toContain("8/16/16");
  expect(rungs.indexOf("2/1/1")).toBe(rungs.length / 3);
  expect(new Set(rungs).size).toBe(rungs.length);
});

test("slots are for the batches ahead and the one in the engine's hands; several steps a call hold two calls' batches", () => {
  expect(numRingSlots({ prefetchBatches: 5 })).toBe(6);
  expect(numRingSlots({ prefetchBatches: 5 }, 4)).toBe(14);
});

test("a run is on the rung of its last move, of its plan, or of its policy", () => {
  const spec = { policy: policySchema.parse({ memory: { microBatches: 2 } }) };
  const rung = { prefetchBatches: 3, microBatches: 2, recomputeSegments: 1 };
  const memory = { rung, why: "", budgetBytes: null, predictedPeakBytes: null, batchBytes: 1 };
  const moved = { step: 7, rung: { ...rung, microBatches: 4 }, why: "" };
  expect(rungInForce(spec, {})).toEqual({ ...rung, prefetchBatches: 8 });
  expect(rungInForce(spec, { memory })).toEqual(rung);
  expect(rungInForce(spec, { memory }, [moved])).toEqual(moved.rung);
});

test("a rung in words", () => {
  const usual = { prefetchBatches: 8 };
  expect(rungInWords({ prefetchBatches: 8, microBatches: 1, recomputeSegments: 1 }, usual)).toEqual([]);
  expect(rungInWords({ prefetchBatches: 1, microBatches: 4, recomputeSegments: 2 }, usual)).toEqual([
    "micro-batches 4",
    "recomputation in 2 segments",
    "1 batch ahead",
  ]);
});
