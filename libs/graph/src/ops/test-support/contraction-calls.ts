import fc from "fast-check";
import { attribute } from "../../attributes.ts";
import {
  alike,
  attributes,
  boolean,
  broadcastable,
  type CallFamily,
  float,
  optional,
  shapeOf,
  size,
} from "./arbitraries.ts";
import { type TestInput, tensor } from "./call.ts";

/** Two stacks of matrices that can be multiplied, as they are or transposed. */
function product(batches: fc.Arbitrary<readonly (readonly number[])[]>, transposes: readonly [string, string]) {
  return fc
    .tuple(batches, fc.tuple(size, size, size), float, boolean, boolean)
    .map(([[batchA, batchB], [numRows, inner, numColumns], dtype, transposeA, transposeB]) => {
      const a = transposeA ? [inner, numRows] : [numRows, inner];
      const b = transposeB ? [numColumns, inner] : [inner, numColumns];
      return {
        inputs: [tensor([...batchA!, ...a], dtype), tensor([...batchB!, ...b], dtype)],
        attributes: optional(
          attributes({ [transposes[0]]: transposeA, [transposes[1]]: transposeB }),
          !transposeA && !transposeB,
        ),
      };
    });
}

const none = fc.constant([[], []]);
const equalBatches = shapeOf(0, 2).map((batch) => [batch, batch]);

// biome-ignore format: one list
const equations = [
  "ab,bc->ac", "ab,cb->ac", "abc,acd->abd", "abcd,aecd->acbe", "ab->ba", "ab->", "ab->a", "aab->b", "a,b->ab", "a,a->",
  ",a->a", "...ab,...bc->...ac", "a...,a->...a", "...a->...", "...a,b->ab...",
];

export const contractionCalls: CallFamily = {
  ...alike(["MatMul"], product(none, ["transpose_a", "transpose_b"])),
  ...alike(["BatchMatMul"], product(equalBatches, ["adj_x", "adj_y"])),
  ...alike(["BatchMatMulV2"], product(broadcastable(2, size), ["adj_x", "adj_y"])),
  ...alike(
    ["Einsum"],
    fc
      .tuple(
        fc.constantFrom(...equations),
        fc.array(size, { minLength: 5, maxLength: 5 }),
        broadcastable(2, size),
        float,
      )
      .map(([equation, sizes, ellipses, dtype]) => {
        const terms = equation.split("->")[0]!.split(",");
        const inputs = terms.map((term, index): TestInput => {
          const labels = term.match(/\.\.\.|[a-z]/g) ?? [];
          return tensor(
            labels.flatMap((label) => (label === "..." ? ellipses[index]! : sizes[label.charCodeAt(0) - 97]!)),
            dtype,
          );
        });
        return {
          inputs,
          attributes: {
            N: attribute.int(inputs.length),
            T: attribute.type(dtype),
            equation: attribute.string(equation),
          },
        };
      }),
  ),
};
