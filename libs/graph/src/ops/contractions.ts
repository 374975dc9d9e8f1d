import { broadcastShapes, type OpCall, type OpFamily, rows } from "./row.ts";

function multiplied(call: OpCall, transposeA: boolean, transposeB: boolean): readonly number[] {
  const [a, b] = [call.input(0).shape, call.input(1).shape];
  const [rows_, inner] = transposeA ? [a.at(-1)!, a.at(-2)!] : [a.at(-2)!, a.at(-1)!];
  const [innerB, columns] = transposeB ? [b.at(-1)!, b.at(-2)!] : [b.at(-2)!, b.at(-1)!];
  if (inner !== innerB) call.fail(`has inner sizes ${inner} and ${innerB}`);
  return [...broadcastShapes(call, a.slice(0, -2), b.slice(0, -2)), rows_, columns];
}

/** Products summed over an axis: matrix products. */
export const contractionOps: OpFamily = {
  MatMul: {
    kind: "contraction",
    infer: (call) => [
      {
        dtype: call.input(0).dtype,
        shape: multiplied(
          call,
          call.attributes.transpose_a?.value === true,
          call.attributes.transpose_b?.value === true,
        ),
      },
    ],
  },
  ...rows(["BatchMatMul", "BatchMatMulV2"], {
    kind: "contraction",
    infer: (call) => [
      {
        dtype: call.input(0).dtype,
        shape: multiplied(call, call.attributes.adj_x?.value === true, call.attributes.adj_y?.value === true),
      },
    ],
  }),
};
