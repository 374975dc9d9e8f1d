import { einsumShape, einsumSize } from "./einsum.ts";
import {
  allow16,
  attributeOr,
  broadcastShapes,
  commonDtype,
  format,
  inputOfRank,
  type OpCall,
  type OpFamily,
  type OpRow,
  product,
} from "./row.ts";

/** The two last axes of a matrix product. */
function multiplied(call: OpCall, transposeA: boolean, transposeB: boolean): readonly number[] {
  const [a, b] = [call.input(0).shape, call.input(1).shape];
  if (a.length < 2 || b.length < 2) call.fail("needs matrices");
  const [numRows, inner] = transposeA ? [a.at(-1)!, a.at(-2)!] : [a.at(-2)!, a.at(-1)!];
  const [innerB, numColumns] = transposeB ? [b.at(-1)!, b.at(-2)!] : [b.at(-2)!, b.at(-1)!];
  if (inner !== innerB) call.fail(`has inner sizes ${inner} and ${innerB}`);
  return [numRows, numColumns];
}

function batchProduct(call: OpCall, broadcast: typeof broadcastShapes) {
  const matrix = multiplied(call, attributeOr(call, "adj_x", "bool", false), attributeOr(call, "adj_y", "bool", false));
  const batch = broadcast(call, call.input(0).shape.slice(0, -2), call.input(1).shape.slice(0, -2));
  return [{ dtype: commonDtype(call, [0, 1]), shape: [...batch, ...matrix] }];
}

function sameBatch(call: OpCall, a: readonly number[], b: readonly number[]): readonly number[] {
  if (format(a) !== format(b)) call.fail(`has batches of ${format(a)} and ${format(b)}, which it does not broadcast`);
  return a;
}

function batched(broadcast: typeof broadcastShapes): OpRow {
  return {
    ...allow16,
    kind: "contraction",
    infer: (call) => batchProduct(call, broadcast),
    multiplications: (call) => {
      const inner = call.input(0).shape.at(attributeOr(call, "adj_x", "bool", false) ? -2 : -1)!;
      return inner * product(batchProduct(call, broadcast)[0]!.shape);
    },
  };
}

/** Products summed over an axis: matrix products. Convolutions have a file of their own. */
export const contractionOps: OpFamily = {
  MatMul: {
    ...allow16,
    kind: "contraction",
    infer: (call) => {
      inputOfRank(call, 0, 2);
      inputOfRank(call, 1, 2);
      const transposeA = attributeOr(call, "transpose_a", "bool", false);
      const transposeB = attributeOr(call, "transpose_b", "bool", false);
      return [{ dtype: commonDtype(call, [0, 1]), shape: multiplied(call, transposeA, transposeB) }];
    },
    multiplications: (call) => {
      const [numRows, inner] = call.input(0).shape as [number, number];
      const isTransposed = attributeOr(call, "transpose_b", "bool", false);
      return numRows * inner * call.input(1).shape[isTransposed ? 0 : 1]!;
    },
  },
  BatchMatMul: batched(sameBatch),
  BatchMatMulV2: batched(broadcastShapes),
  Einsum: {
    ...allow16,
    kind: "contraction",
    infer: (call) => [
      {
        dtype: commonDtype(
          call,
          call.types.map((_, index) => index),
        ),
        shape: einsumShape(call),
      },
    ],
    multiplications: einsumSize,
  },
};
