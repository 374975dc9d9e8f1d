import { expect, test } from "vitest";
import { isOtherPrecision, type Ledger, largestShadowDifference, ledgerSchema, precisionInWords } from "./ledger.ts";

const ledger: Ledger = {
  step: 19,
  precision: "bfloat16",
  ranIn: "bfloat16",
  productShare: 0.984,
  timeShares: { bfloat16: 0.8, float32: 0.2 },
  stepMilliseconds: 12.5,
  tensors: [{ class: "weights", dtype: "bfloat16", numBytes: 1_000, bytesAtPeak: 500 }],
  kernels: [{ op: "_MklMatMul", dtype: "bfloat16", numRuns: 3, microseconds: 900 }],
  memory: null,
  shadowLosses: [
    { step: 0, loss: 2.3, float32Loss: 2.31, relativeDifference: 0.0043 },
    { step: 500, loss: 1.2, float32Loss: 1.21, relativeDifference: 0.0083 },
  ],
};

test("a ledger survives JSON", () => {
  expect(ledgerSchema.parse(JSON.parse(JSON.stringify(ledger)))).toEqual(ledger);
});

test("a run is called by what its products ran in, and by nothing else", () => {
  expect(precisionInWords(ledger)).toBe("bfloat16: 98 % of the time of products and convolutions");
  expect(isOtherPrecision(ledger)).toBe(false);
  const other: Ledger = { ...ledger, ranIn: "float32", productShare: 0.12 };
  expect(precisionInWords(other)).toBe(
    "asked for bfloat16, ran in float32: 12 % of the time of products and convolutions was in bfloat16",
  );
  expect(isOtherPrecision(other)).toBe(true);
  const unseen: Ledger = { ...ledger, ranIn: null, productShare: null };
  expect(precisionInWords(unseen)).toContain("XLA ran them");
  expect(isOtherPrecision(unseen)).toBe(true);
  expect(isOtherPrecision({ ...unseen, precision: "float32" })).toBe(false);
});

test("what the recipe excepts is said, not hidden", () => {
  const some = precisionInWords({
    ...ledger,
    precision: "float32",
    ranIn: "float32",
    productShare: 1,
    exceptedShare: 0.88,
  });
  expect(some).toBe(
    "float32: 100 % of the time of products and convolutions, without layers that the recipe has in other formats (88 % of that time)",
  );
  expect(precisionInWords({ ...ledger, ranIn: "float32", productShare: 0, exceptedShare: 1 })).toMatch(
    /^asked for bfloat16, ran in float32: 0 % .*; the recipe has all layers with products in other formats$/,
  );
});

test("the largest difference from float32 counts", () => {
  expect(largestShadowDifference(ledger)).toBe(0.0083);
  expect(largestShadowDifference({ ...ledger, shadowLosses: [] })).toBeNull();
});
