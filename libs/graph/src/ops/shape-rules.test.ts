import { AnnealError } from "@anneal/contracts";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import type { TensorType } from "../types.ts";
import { opTable } from "./index.ts";
import type { TestCall } from "./test-support/call.ts";
import { execute, infer, tensorflow } from "./test-support/execute.ts";
import { callFamilies } from "./test-support/families.ts";

/** What rules say of these takes a session to compare: tests of whole graphs do. */
// biome-ignore format: one list
const sessionOps = [
  "Const", "Placeholder", "NoOp", "Switch", "Merge", "VarHandleOp", "ReadVariableOp", "AssignVariableOp", "AssignAddVariableOp",
  "AssignSubVariableOp",
  "ResourceApplyAdam", "ResourceApplyGradientDescent", "ResourceApplyMomentum",
];

/**
 * The first output of which the kernel decides whether it is empty or has no dimension: oneDNN's makes it empty, TensorFlow's own, which
 * stands in where a CPU has no instructions for the format, does not. Nothing is in it either way.
 */
const firstUnused: Readonly<Record<string, number>> = { FusedBatchNormV3: 5, FusedBatchNormGradV3: 3 };

const numRuns = 40;

beforeAll(() => {
  tensorflow();
});

type Outcome = { readonly types: readonly TensorType[] } | { readonly refusal: string };

function byRule(call: TestCall): Outcome {
  try {
    return { types: infer(call) };
  } catch (error) {
    // Anything else is a mistake of the rule.
    if (error instanceof AnnealError && error.code === "TRACE_UNSUPPORTED") return { refusal: error.message };
    throw error;
  }
}

function byTensorflow(call: TestCall, numOutputs: number): Outcome {
  try {
    return { types: execute(call, numOutputs) };
  } catch (error) {
    return { refusal: String(error) };
  }
}

describe.each(Object.entries(callFamilies))("%s", (_family, calls) => {
  test.each(Object.entries(calls))("%s has the types that its rule gives", (op, arbitrary) => {
    let numAccepted = 0;
    const used = ({ length }: readonly TensorType[]) => firstUnused[op] ?? length;
    fc.assert(
      fc.property(arbitrary, (call) => {
        const ruled = byRule(call);
        const actual = byTensorflow(call, "types" in ruled ? ruled.types.length : 1);
        if ("types" in ruled && "types" in actual) {
          numAccepted++;
          expect(ruled.types).toHaveLength(actual.types.length);
          expect(ruled.types.slice(0, used(ruled.types))).toEqual(actual.types.slice(0, used(actual.types)));
        } else if ("types" in ruled || "types" in actual) {
          expect(ruled).toEqual(actual);
        }
      }),
      { seed: 1, numRuns },
    );
    // Refusals have to agree too, but a call that is never accepted shows nothing.
    expect(numAccepted).toBeGreaterThan(numRuns / 3);
  });
});

test("every row is compared with TensorFlow", () => {
  const covered = [...Object.values(callFamilies).flatMap(Object.keys), ...sessionOps];
  expect(covered.sort()).toEqual(Object.keys(opTable).sort());
});
