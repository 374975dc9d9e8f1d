import { AnnealError } from "@anneal/contracts";
import { expect, test } from "vitest";
import { engineFailure, isOutOfMemory } from "./failures.ts";

test.each([
  // As libtensorflow 2.21 says it; it tries for ten seconds first, so the test does not ask it.
  [
    new Error("Invalid TF_Status: 8\nMessage: OOM when allocating tensor with shape[1000000,1000000] and type float"),
    true,
  ],
  [new Error("Invalid TF_Status: 10\nMessage: could not allocate memory for the primitive"), true],
  [new Error("Invalid TF_Status: 10\nMessage: the operation was cancelled"), false],
  [new Error("std::bad_alloc"), true],
  [new RangeError("Array buffer allocation failed"), true],
  [Object.assign(new Error("Worker terminated"), { code: "ERR_WORKER_OUT_OF_MEMORY" }), true],
  [new Error("Invalid TF_Status: 3\nMessage: Dimension must be >= 0"), false],
  ["a text", false],
])("%s: out of memory is %s", (cause, expected) => {
  expect(isOutOfMemory(cause)).toBe(expected);
});

test("memory that ran out says where", () => {
  const failure = engineFailure("a step", new RangeError("Array buffer allocation failed"));
  expect(failure).toMatchObject({ code: "OUT_OF_MEMORY", facts: { where: "a step" } });
});

test("errors that have a code keep it, others stay what they are", () => {
  const coded = new AnnealError("LOSS_NOT_FINITE", "OOM", "");
  const plain = new Error("no such layer");
  expect(engineFailure("a step", coded)).toBe(coded);
  expect(engineFailure("a step", plain)).toBe(plain);
});
