import { AnnealError } from "@anneal/contracts";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { attribute } from "../attributes.ts";
import type { Dtype } from "../types.ts";
import { opTable } from "./index.ts";
import type { PrecisionTrait } from "./row.ts";
import type { TestCall } from "./test-support/call.ts";
import { execute, infer, tensorflow } from "./test-support/execute.ts";
import { callFamilies } from "./test-support/families.ts";

const numRuns = 12;
const calls = Object.assign({}, ...Object.values(callFamilies)) as Readonly<Record<string, fc.Arbitrary<TestCall>>>;
const traits = Object.entries(opTable).flatMap(([op, { precision }]) => (precision ? [[op, precision] as const] : []));

beforeAll(() => {
  tensorflow();
});

/** The call with everything that follows in another format. */
function inFormat(call: TestCall, { inputs, attribute: format = "T" }: PrecisionTrait, dtype: Dtype): TestCall {
  const follows = (index: number, given: Dtype) =>
    (given === "float32" || given === "bfloat16") && (inputs === undefined || inputs.includes(index));
  return {
    ...call,
    inputs: call.inputs.map((input, index) =>
      follows(index, input.type.dtype) ? { ...input, type: { ...input.type, dtype } } : input,
    ),
    attributes: { ...call.attributes, [format]: attribute.type(dtype) },
  };
}

function typesOf(call: TestCall) {
  try {
    return infer(call);
  } catch (error) {
    if (error instanceof AnnealError && error.code === "TRACE_UNSUPPORTED") return null;
    throw error;
  }
}

describe.each(["bfloat16", "float16"] as const)("in %s", (dtype) => {
  test.each(traits)("%s has a kernel, and gives what its row says", (op, trait) => {
    let numAccepted = 0;
    fc.assert(
      fc.property(calls[op]!, (call) => {
        const floats = call.inputs.filter(({ type }) => type.dtype === "float32" || type.dtype === "bfloat16");
        if (floats.length === 0) return;
        const half = inFormat(call, trait, dtype);
        const types = typesOf(half);
        if (types === null) return;
        const actual = execute(half, types.length);
        expect(actual.map(({ dtype: format }) => format)).toEqual(types.map(({ dtype: format }) => format));
        // Shapes of what a normalization keeps for its gradient depend on the kernel; nobody reads them.
        expect(actual[0]).toEqual(types[0]);
        const { outputs } = trait;
        const following = types.filter(
          ({ dtype: format }, index) => format === dtype && (outputs?.includes(index) ?? true),
        );
        const isBool = types.every(({ dtype: format }) => format === "bool");
        expect(following.length > 0 || isBool).toBe(true);
        numAccepted++;
      }),
      { seed: 1, numRuns },
    );
    expect(numAccepted).toBeGreaterThan(0);
  });
});
