import { attributeOr, constantInt, expectShape, inputOfRank, type OpFamily, type OpRow, rows } from "./row.ts";

/** A key of two numbers: the same key gives the same draw, so these ops are as pure as any other. */
const key = [2];

const draw: OpRow = {
  kind: "random",
  infer: (call) => {
    expectShape(call, 1, key);
    return [{ dtype: attributeOr(call, "dtype", "type", "float32"), shape: call.constantInts(0) }];
  },
};

/** Draws that depend on their key alone. */
export const randomOps: OpFamily = {
  ...rows(["StatelessRandomNormal", "StatelessRandomUniform", "StatelessTruncatedNormal"], draw),
  // Whole numbers from input 2 to input 3, or the gamma distribution of the shape parameter in input 2.
  ...rows(["StatelessRandomGammaV2", "StatelessRandomUniformInt"], {
    kind: "random",
    infer: (call) => {
      expectShape(call, 1, key);
      return [{ dtype: call.input(2).dtype, shape: call.constantInts(0) }];
    },
  }),
  StatelessMultinomial: {
    kind: "random",
    infer: (call) => {
      const [batchSize] = inputOfRank(call, 0, 2).shape;
      expectShape(call, 2, key);
      return [{ dtype: attributeOr(call, "output_dtype", "type", "int64"), shape: [batchSize!, constantInt(call, 1)] }];
    },
  },
};
