import { expect, it } from "vitest";
import { checkEqualWork } from "./equal-work.ts";

it.each([
  { numParameters: 1_001, firstLoss: 2.5 },
  { numParameters: 1_000, firstLoss: 2.51 },
  { numParameters: 1_000, firstLoss: Number.NaN },
])("refuses to compare a model with one of $numParameters parameters and a first loss of $firstLoss", (other) => {
  const ours = {
    spec: { name: "ours", precision: "float32" } as const,
    ready: { numParameters: 1_000 },
    firstLoss: 2.5,
  };
  const peer = { spec: { name: "peer", precision: "float32" } as const, ready: other, firstLoss: other.firstLoss };
  expect(() => checkEqualWork({ name: "mlp" }, [ours, peer])).toThrow(/the mlp of peer/);
  expect(() => checkEqualWork({ name: "mlp" }, [ours, { ...ours, firstLoss: 2.501 }])).not.toThrow();
});

it("allows bfloat16 what it rounds", () => {
  const ours = {
    spec: { name: "ours", precision: "float32" },
    ready: { numParameters: 1_000 },
    firstLoss: 2.5,
  } as const;
  const rounded = (firstLoss: number) => ({
    ...ours,
    spec: { name: "peer", precision: "bfloat16" } as const,
    firstLoss,
  });
  expect(() => checkEqualWork({ name: "mlp" }, [ours, rounded(2.52)])).not.toThrow();
  expect(() => checkEqualWork({ name: "mlp" }, [ours, rounded(2.53)])).toThrow(/the mlp of peer/);
});
