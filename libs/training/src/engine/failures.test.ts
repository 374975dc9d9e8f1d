import { AnnealError } from "@anneal/contracts";
import { expect, test } from "vitest";
import { engineFailure } from "./failures.ts";

test("memory that ran out says where", () => {
  const failure = engineFailure("a step", new RangeError("Array buffer allocation failed"));
  expect(failure).toMatchObject({ code: "OUT_OF_MEMORY", facts: { where: "a step" } });
});

test("TensorFlow's advice for Python is left out", () => {
  const hint =
    "Hint: If you want to see a list of allocated tensors when OOM happens, add report_tensor_allocations_upon_oom to RunOptions.";
  const cause = new Error(`OOM when allocating tensor with shape[900,32448]\n\t [[{{node dense/MatMul}}]]\n${hint}\n`);
  expect(engineFailure("a step", cause)).toMatchObject({
    message: "memory ran out in a step: OOM when allocating tensor with shape[900,32448]\n\t [[{{node dense/MatMul}}]]",
  });
});

test("errors that have a code keep it, others stay what they are", () => {
  const coded = new AnnealError("LOSS_NOT_FINITE", "OOM", "");
  const plain = new Error("no such layer");
  expect(engineFailure("a step", coded)).toBe(coded);
  expect(engineFailure("a step", plain)).toBe(plain);
});
