import { describe, expect, test } from "vitest";
import { opTable } from "./index.ts";
import { tensor } from "./test-support/call.ts";
import { execute } from "./test-support/execute.ts";

// Where the order of two numbers could show: zeros of both signs, no number, the limits.
const special = [0, -0, 1, -1, 1 / 3, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 3.4e38, 1e-45];
const flags = [0, 1];

function bitsOf(op: string, dtype: "float32" | "bool", a: readonly number[], b: readonly number[]): readonly number[] {
  let bits: readonly number[] = [];
  const inputs = [tensor([a.length, 1], dtype, a), tensor([b.length], dtype, b)];
  execute({ op, inputs, attributes: {} }, 1, (tf, [id]) => {
    const { buffer, byteOffset, byteLength } = tf.tensorDataSync(id!);
    bits = [...new Uint8Array(buffer, byteOffset, byteLength)];
  });
  return bits;
}

/** [i, j] as [j, i]: all values are of one width. */
function transpose(bits: readonly number[], size: number): readonly number[] {
  const width = bits.length / (size * size);
  return Array.from(bits, (_, index) => {
    const [row, column] = [Math.floor(index / width / size), Math.floor(index / width) % size];
    return bits[(column * size + row) * width + (index % width)]!;
  });
}

describe("rows that say that their inputs can be swapped", () => {
  const commutative = Object.keys(opTable).filter((op) => opTable[op]!.commutative === true);

  test.each(commutative)("%s gives the same bits", (op) => {
    const [values, dtype] = op.startsWith("Logical") ? ([flags, "bool"] as const) : ([special, "float32"] as const);
    const bits = bitsOf(op, dtype, values, values);
    expect(bits.length).toBeGreaterThan(0);
    expect(transpose(bits, values.length)).toEqual(bits);
  });

  test("the check would find an op that is none of these", () => {
    const bits = bitsOf("Sub", "float32", special, special);
    expect(transpose(bits, special.length)).not.toEqual(bits);
  });
});
