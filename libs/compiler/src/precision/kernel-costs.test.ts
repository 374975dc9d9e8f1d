import { makeNode, opTable, placeholder } from "@anneal/graph";
import { expect, test } from "vitest";
import { cpuCosts } from "./kernel-costs.ts";

const large = placeholder("x", { dtype: "float32", shape: [1_024, 1_024] });

test("what only shows the memory of its input costs nothing in any format", () => {
  const view = makeNode("Identity", [large]);
  for (const costs of Object.values(cpuCosts)) expect(costs.kernel(view)).toEqual({ float32: 0, half: 0 });
});

test("no product is cheaper in 16 bits where those are slow, and one is where they are fast", () => {
  const product = makeNode("MatMul", [large, large]);
  expect(opTable.MatMul?.kind).toBe("contraction");
  const [slow, fast] = [cpuCosts.slow.kernel(product), cpuCosts.fast.kernel(product)];
  expect(slow.half).toBeGreaterThan(slow.float32);
  expect(fast.half).toBeLessThan(fast.float32);
});
