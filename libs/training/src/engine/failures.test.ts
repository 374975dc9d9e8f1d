import { AnnealError } from "@anneal/contracts";
import { expect, test } from "vitest";
import { engineFailure } from "./failures.ts";

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
