import { describe, expect, test } from "vitest";
import { constant, placeholder, reduce, scalar, simpleCall } from "./build.ts";
import { numbersOf } from "./constants.ts";
import { isSet, producerOf, reducedAxes, splatOf } from "./match.ts";

const x = placeholder("x", { dtype: "float32", shape: [2, 3, 4] });

describe("what a value is", () => {
  test("producerOf finds the node behind a first output, of the ops asked for alone", () => {
    const sum = reduce("Sum", x, { axes: [1] });
    expect(producerOf(sum, "Mean", "Sum")).toBe(sum.node);
    expect(producerOf(sum, "Mean")).toBeNull();
    expect(producerOf({ node: sum.node, index: 1 }, "Sum")).toBeNull();
  });

  test("splatOf sees one number behind one value and behind many", () => {
    expect(splatOf(constant({ dtype: "float32", shape: [2, 2], data: Float32Array.of(3) }))).toBe(3);
    expect(splatOf(constant({ dtype: "float32", shape: [2], data: Float32Array.of(3, 3) }))).toBe(3);
    expect(splatOf(constant({ dtype: "float32", shape: [2], data: Float32Array.of(3, 4) }))).toBeNull();
    expect(splatOf(constant({ dtype: "float32", shape: [0], data: new Float32Array(0) }))).toBeNull();
    expect(splatOf(x)).toBeNull();
  });

  test("numbersOf gives a number for each place", () => {
    expect(numbersOf(constant({ dtype: "int32", shape: [3], data: Int32Array.of(7) }))).toEqual([7, 7, 7]);
    expect(numbersOf(scalar(2))).toEqual([2]);
    expect(numbersOf(x)).toBeNull();
  });

  test("reducedAxes counts from the front, in order", () => {
    const sum = reduce("Sum", x, { axes: [-1, 0], keepsDims: true });
    expect(reducedAxes(sum.node)).toEqual([0, 2]);
    expect(isSet(sum.node, "keep_dims")).toBe(true);
    expect(isSet(simpleCall("Neg", [x]).node, "keep_dims")).toBe(false);
    expect(() => reducedAxes(simpleCall("Neg", [x]).node)).toThrow(/no constant axes/);
  });
});
