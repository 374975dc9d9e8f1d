import { attributeOr, format, infer16, inputOfRank, type OpCall, type OpFamily, product } from "./row.ts";

/** The blocks of the first spatial axes, and a pair of margins for each: paddings or crops. */
function readBlocks(call: OpCall) {
  const { dtype, shape } = call.input(0);
  const [blocks, margins] = [call.constantInts(1), call.constantInts(2)];
  if (margins.length !== 2 * blocks.length || shape.length < blocks.length + 1) {
    call.fail(`has blocks of ${format(blocks)} in ${format(shape)} with ${margins.length} margins`);
  }
  const [batchSize, ...rest] = shape as [number, ...number[]];
  return {
    dtype,
    batchSize,
    numInBlock: product(blocks),
    spatial: blocks.map((block, index) => ({
      size: rest[index]!,
      block,
      margin: margins[2 * index]! + margins[2 * index + 1]!,
    })),
    others: rest.slice(blocks.length),
  };
}

/** Between channels and space, in blocks of `block_size` by `block_size`. */
function regroup(call: OpCall, toSpace: boolean) {
  const { dtype, shape } = inputOfRank(call, 0, 4);
  const block = call.int("block_size");
  const isChannelsFirst = attributeOr(call, "data_format", "string", "NHWC") === "NCHW";
  const channelAxis = isChannelsFirst ? 1 : 3;
  const regrouped = shape.map((size, axis) => {
    if (axis === 0) return size;
    const grows = (axis === channelAxis) !== toSpace;
    const factor = axis === channelAxis ? block * block : block;
    const result = grows ? size * factor : size / factor;
    if (!Number.isInteger(result)) call.fail(`regroups axis ${axis} of ${format(shape)} in blocks of ${block}`);
    return result;
  });
  return [{ dtype, shape: regrouped }];
}

/** Ops that move values between the batch or the channels and space. */
export const spaceOps: OpFamily = {
  SpaceToBatchND: {
    ...infer16,
    kind: "movement",
    infer: (call) => {
      const { dtype, batchSize, numInBlock, spatial, others } = readBlocks(call);
      const sizes = spatial.map(({ size, block, margin }) => (size + margin) / block);
      if (!sizes.every(Number.isInteger)) call.fail("has padded sizes that its blocks do not divide");
      return [{ dtype, shape: [batchSize * numInBlock, ...sizes, ...others] }];
    },
  },
  BatchToSpaceND: {
    ...infer16,
    kind: "movement",
    infer: (call) => {
      const { dtype, batchSize, numInBlock, spatial, others } = readBlocks(call);
      const sizes = spatial.map(({ size, block, margin }) => size * block - margin);
      if (!Number.isInteger(batchSize / numInBlock)) call.fail(`has a batch that ${numInBlock} does not divide`);
      if (sizes.some((size) => size < 0)) call.fail("crops more than there is");
      return [{ dtype, shape: [batchSize / numInBlock, ...sizes, ...others] }];
    },
  },
  DepthToSpace: { ...infer16, kind: "movement", infer: (call) => regroup(call, true) },
  SpaceToDepth: { ...infer16, kind: "movement", infer: (call) => regroup(call, false) },
};
