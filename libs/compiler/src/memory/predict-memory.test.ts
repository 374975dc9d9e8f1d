import { makeGraph, makeValue, placeholder, scalar, simpleCall, typeAttribute, type Value } from "@anneal/graph";
import { expect, test } from "vitest";
import { predictMemory } from "./predict-memory.ts";

const kibibyte = 1_024;
/** A tensor of 64 KiB. */
const type = { dtype: "float32", shape: [128, 128] } as const;
const size = 64 * kibibyte;
const fed = placeholder("x", type);
const square = (value: Value) =>
  makeValue("MatMul", [value, value], {
    ...typeAttribute("T", "float32"),
  });
const total = (value: Value) => simpleCall("L2Loss", [value]);

test("a chain of products needs two of them at a time", () => {
  const { peakBytes, residentBytes, fedBytes, alive } = predictMemory(
    makeGraph({ y: total(square(square(square(square(fed))))) }),
  );
  expect([peakBytes, residentBytes, fedBytes]).toEqual([2 * size, 0, size]);
  expect(alive).toEqual([
    { scope: "", op: "MatMul", type: "float32[128,128]", bytes: size },
    { scope: "", op: "MatMul", type: "float32[128,128]", bytes: size },
  ]);
});

test("what is needed later stays", () => {
  const first = square(fed);
  const last = square(square(square(first)));
  expect(predictMemory(makeGraph({ y: total(simpleCall("Sub", [last, first])) })).peakBytes).toBe(3 * size);
});

test("elementwise ops work in place, if nobody else needs their input", () => {
  const made = square(fed);
  expect(predictMemory(makeGraph({ y: total(simpleCall("Tanh", [made])) })).peakBytes).toBe(size + 4);
  const both = simpleCall("Sub", [simpleCall("Tanh", [made]), made]);
  expect(predictMemory(makeGraph({ y: total(both) })).peakBytes).toBe(2 * size);
});

test("nothing works in place on what is fed or constant", () => {
  expect(predictMemory(makeGraph({ y: total(simpleCall("Tanh", [fed])) })).peakBytes).toBe(size + 4);
  const product = simpleCall("Mul", [scalar(2), scalar(3)]);
  expect(predictMemory(makeGraph({ y: product }))).toMatchObject({ peakBytes: 4, residentBytes: 8 });
});

test("views have no memory and keep that of what they show", () => {
  const made = square(fed);
  const view = simpleCall("Identity", [made]);
  const y = simpleCall("Sub", [square(square(view)), view]);
  expect(predictMemory(makeGraph({ y: total(y) })).peakBytes).toBe(3 * size);
});
