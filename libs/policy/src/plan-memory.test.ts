import { type MemoryRung, policySchema } from "@anneal/contracts";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type MemoryPlanning, planMemory } from "./plan-memory.ts";

const mebibyte = 2 ** 20;
const memoryOf = (memory: object = {}) => policySchema.parse({ memory }).memory;

/** 300 MiB of runtime, 1 MiB a batch ahead, 1,600 MiB of activations of which a quarter cannot be computed again. */
function predictPeak({ prefetchBatches, microBatches, recomputeSegments }: MemoryRung): number {
  const activations = 1_600 / microBatches;
  const kept = recomputeSegments === 1 ? activations : activations * (0.25 + 0.5 / recomputeSegments);
  return (300 + prefetchBatches + kept) * mebibyte;
}

const budgetOf = (budgetMiB: number, grantedMiB = 24 * 1_024) => ({
  bytes: budgetMiB * mebibyte,
  inWords: `${budgetMiB} MiB`,
  grantedBytes: grantedMiB * mebibyte,
});

function planningOf(budgetMiB: number | null, changes: Partial<MemoryPlanning> = {}): MemoryPlanning {
  const budget = budgetMiB === null ? null : budgetOf(budgetMiB);
  const memory = memoryOf();
  return {
    memory,
    batchSize: 32,
    engine: "compiled",
    batchBytes: mebibyte,
    budget,
    predictPeak,
    normalisesOverBatch: false,
    ...changes,
  };
}

const rungOf = (budgetMiB: number, changes: Partial<MemoryPlanning> = {}) => {
  const { prefetchBatches, microBatches, recomputeSegments } = planMemory(planningOf(budgetMiB, changes)).rung;
  return `${prefetchBatches}/${microBatches}/${recomputeSegments}`;
};

test.each([
  [1_908, "8/1/1"],
  [1_907, "8/2/1"],
  [1_108, "8/2/1"],
  [708, "8/4/1"],
  [707, "8/2/4"],
  [400, "8/8/4"],
  [330, "8/32/4"],
  [317, "2/32/16"],
])("with %d MiB: %s", (budgetMiB, rung) => {
  expect(rungOf(budgetMiB, { predictPeak })).toBe(rung);
});

test("recomputation where micro-batches are not wanted, and the reverse", () => {
  expect(rungOf(1_000, { memory: memoryOf({ microBatches: 1 }) })).toBe("8/1/4");
  expect(rungOf(500, { memory: memoryOf({ recomputeSegments: 1 }) })).toBe("8/16/1");
  expect(rungOf(500, { engine: "eager" })).toBe("8/16/1");
});

test("says why, and what micro-batches mean for batch normalisation", () => {
  expect(planMemory(planningOf(2_000))).toEqual({
    rung: { prefetchBatches: 8, microBatches: 1, recomputeSegments: 1 },
    why: "a peak of 1.86 GiB is predicted, within the budget of 2000 MiB",
    budgetBytes: 2_000 * mebibyte,
    predictedPeakBytes: 1_908 * mebibyte,
    batchBytes: mebibyte,
  });
  const { why } = planMemory(planningOf(800, { normalisesOverBatch: true }));
  expect(why).toContain("a peak of 708 MiB is predicted, within the budget of 800 MiB; without, 1.86 GiB");
  expect(why).toContain("batch normalisation takes its means over a micro-batch");
});

test("without a budget nothing is predicted, and the policy's numbers hold", () => {
  const never = () => expect.unreachable();
  expect(planMemory(planningOf(null, { predictPeak: never }))).toMatchObject({
    rung: { prefetchBatches: 8, microBatches: 1, recomputeSegments: 1 },
    why: "no budget was given",
    budgetBytes: null,
    predictedPeakBytes: null,
  });
  const memory = memoryOf({ microBatches: 4, prefetchBatches: 3 });
  expect(planMemory(planningOf(null, { memory, predictPeak: never }))).toMatchObject({
    rung: { prefetchBatches: 3, microBatches: 4, recomputeSegments: 1 },
    why: "as asked for",
  });
});

test("refuses a budget that nothing fits, and names the smallest that does", () => {
  const refused = (): unknown => planMemory(planningOf(310));
  expect(refused).toThrow(
    /does not fit its memory budget of 310 MiB: at its smallest \(micro-batches 32, .*1 batch ahead\)/,
  );
  expect(refused).toThrow(expect.objectContaining({ code: "BUDGET_TOO_SMALL" }));
  try {
    refused();
  } catch (error) {
    const { facts, remedy } = error as { facts: { smallestBytes: number }; remedy: string };
    const [, wouldDo] = /--memory-budget (\d+)MiB/.exec(remedy) ?? [];
    expect(Number(wouldDo)).toBe(Math.ceil(facts.smallestBytes / mebibyte));
    expect(rungOf(Number(wouldDo))).toBe("1/32/16");
  }
});

test("no budget is advised that the machine does not grant", () => {
  const refused = () => planMemory(planningOf(310, { budget: budgetOf(310, 310) }));
  expect(refused).toThrow(expect.objectContaining({ remedy: expect.not.stringContaining("--memory-budget") }));
  expect(refused).toThrow(expect.objectContaining({ remedy: expect.stringMatching(/grants \d+MiB or more/) }));
});

test("what is planned is within the budget; what is refused is not", () => {
  fc.assert(
    fc.property(fc.integer({ min: 250, max: 2_500 }), fc.integer({ min: 1, max: 500 }), (budgetMiB, batchSize) => {
      const planning = planningOf(budgetMiB, { batchSize });
      try {
        const { rung, predictedPeakBytes } = planMemory(planning);
        expect(predictPeak(rung)).toBe(predictedPeakBytes);
        expect(predictedPeakBytes).toBeLessThanOrEqual(budgetMiB * mebibyte);
      } catch (error) {
        expect(error).toMatchObject({ code: "BUDGET_TOO_SMALL" });
        expect((error as { facts: { smallestBytes: number } }).facts.smallestBytes).toBeGreaterThan(
          budgetMiB * mebibyte,
        );
      }
    }),
  );
});
