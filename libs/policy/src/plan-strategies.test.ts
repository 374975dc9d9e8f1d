import { policySchema, runSpecSchema, strategySchema } from "@anneal/contracts";
import { expect, test } from "vitest";
import { budgetOf, isShare, planStrategies, strategySpec } from "./plan-strategies.ts";

test("every precision with every memory mode, plain ones first, each once", () => {
  const strategies = planStrategies({
    precisions: ["float32", "bfloat16", "float32"],
    memory: ["quarter", "plain", "512 MiB", "50%"],
    weightStorages: ["float32"],
  });
  expect(strategies.map(({ name }) => name)).toEqual([
    "float32",
    "float32-quarter",
    "float32-512MiB",
    "float32-50pct",
    "bfloat16",
    "bfloat16-quarter",
    "bfloat16-512MiB",
    "bfloat16-50pct",
  ]);
  const stored = planStrategies({
    precisions: ["bfloat16"],
    memory: ["plain", "half"],
    weightStorages: ["float32", "bfloat16"],
  });
  expect(stored.map(({ name }) => name)).toEqual([
    "bfloat16",
    "bfloat16-store-bfloat16",
    "bfloat16-half",
    "bfloat16-half-store-bfloat16",
  ]);
  for (const strategy of [...strategies, ...stored]) expect(strategySchema.parse(strategy)).toEqual(strategy);
});

test("shares are of what the plain run's steps took, amounts stay as they are, and both are budgets that a policy takes", () => {
  const usage = { peakRssBytes: 2 ** 30 + 1, loadedRssBytes: 2 ** 28 };
  expect(["plain", "half", "quarter", "512MiB", "50%"].map((mode) => [budgetOf(mode, usage), isShare(mode)])).toEqual([
    [null, false],
    ["640MiB", true],
    ["448MiB", true],
    ["512MiB", false],
    ["50%", false],
  ]);
  const budget = budgetOf("quarter", { peakRssBytes: 987_654_321, loadedRssBytes: 123_456_789 })!;
  expect(policySchema.parse({ memory: { budget } }).memory.budget).toBe(budget);
});

test("a strategy's run has what all have in common but for its precision and its budget, and is alone", () => {
  const spec = runSpecSchema.parse({
    recipe: { name: "r", path: "/r.ts" },
    policy: { crossEntropy: "clipped", memory: { budget: "1GiB", prefetchBatches: 3 } },
  });
  const [plain, half] = planStrategies({
    precisions: ["bfloat16"],
    memory: ["plain", "half"],
    weightStorages: ["float16"],
  });
  const comparison = { spec, strategies: [], criterion: { withinPoints: 1, prefer: "fastest" } } as const;
  expect(strategySpec(comparison, plain!, null)).toEqual({
    ...spec,
    exclusive: true,
    policy: { ...spec.policy, precision: "bfloat16", weightStorage: "float16", memory: { prefetchBatches: 3 } },
  });
  expect(strategySpec(comparison, half!, "7KiB").policy.memory).toEqual({ prefetchBatches: 3, budget: "7KiB" });
});

test("an amount that is spelled in two ways is one strategy", () => {
  const strategies = planStrategies({
    precisions: ["float32"],
    memory: ["512MiB", "512 MiB"],
    weightStorages: ["float32"],
  });
  expect(strategies.map(({ name }) => name)).toEqual(["float32-512MiB"]);
});
