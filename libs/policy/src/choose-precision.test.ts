import { expect, test } from "vitest";
import { choosePrecision, maxLossDifference, precisionsWorthTrying } from "./choose-precision.ts";

const candidates = (bfloat16Ms: number, lossDifference: number) =>
  [
    { precision: "float32", milliseconds: 100, lossDifference: 0 },
    { precision: "bfloat16", milliseconds: bfloat16Ms, lossDifference },
  ] as const;

test.each([
  [60, 0.001, "bfloat16"],
  [60, maxLossDifference, "bfloat16"],
  [60, maxLossDifference * 1.01, "float32"],
  [60, Number.POSITIVE_INFINITY, "float32"],
  [60, Number.NaN, "float32"],
  [96, 0, "float32"],
  [130, 0, "float32"],
] as const)("of bfloat16 in %d %% of the time and a loss %d off, %s", (milliseconds, lossDifference, precision) => {
  const decision = choosePrecision(candidates(milliseconds, lossDifference));
  expect(decision.precision).toBe(precision);
  expect(decision.why).toContain("float32 100 ms, bfloat16");
});

test("a loss that was no number is said in words", () => {
  expect(choosePrecision(candidates(60, Number.MAX_VALUE)).why).toContain("bfloat16 60.0 ms (its loss was not finite)");
});

test("of several that are close enough, the fastest", () => {
  const measured = [
    ...candidates(60, 0.001),
    { precision: "float16", milliseconds: 50, lossDifference: 0.002 } as const,
  ];
  expect(choosePrecision(measured).precision).toBe("float16");
});

test("a device whose 16-bit products are slow tries nothing, and float32 it is", () => {
  expect(precisionsWorthTrying({ device: "cpu", bfloat16Products: "slow" })).toEqual([]);
  expect(precisionsWorthTrying({ device: "cpu", bfloat16Products: "fast" })).toEqual(["bfloat16"]);
  expect(precisionsWorthTrying({ device: "gpu", bfloat16Products: "slow" })).toEqual(["bfloat16", "float16"]);
  expect(choosePrecision([{ precision: "float32", milliseconds: 5, lossDifference: 0 }])).toMatchObject({
    precision: "float32",
    why: "this device gains nothing by 16-bit floats",
  });
});
