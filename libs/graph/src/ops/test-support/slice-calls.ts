import fc from "fast-check";
import { alike, attributes, boolean, type CallFamily, shapeOf, size } from "./arbitraries.ts";
import { ints, tensor } from "./call.ts";

const place = fc.record({
  begin: fc.integer({ min: -5, max: 5 }),
  end: fc.integer({ min: -5, max: 5 }),
  stride: fc.constantFrom(1, 1, 1, 2, 3, -1, -2),
  isBeginOpen: boolean,
  isEndOpen: boolean,
  kind: fc.constantFrom("range", "range", "range", "ellipsis", "new", "single", "new and single"),
});

function bits(flags: readonly boolean[]): number {
  return flags.reduce((mask, flag, index) => mask | (flag ? 1 << index : 0), 0);
}

const space = fc
  .record({
    blocks: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 2 }),
    batchSize: size,
    sizes: fc.tuple(size, size),
    margins: fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 4, maxLength: 4 }),
    others: shapeOf(0, 2),
  })
  .map(({ blocks, batchSize, sizes, margins, others }) => ({
    blocks: ints(blocks),
    margins: ints(margins.slice(0, 2 * blocks.length), [blocks.length, 2]),
    numInBlock: blocks.reduce((total, each) => total * each, 1),
    /** Sizes in blocks, and as the blocks divide them. */
    grown: blocks.map((block, index) => block * (sizes[index]! + 1) - margins[2 * index]! - margins[2 * index + 1]!),
    sizes: sizes.slice(0, blocks.length),
    batchSize,
    others,
  }));

/** Slices with strides and masks, and ops between space and batch or channels. */
export const sliceCalls: CallFamily = {
  ...alike(
    ["StridedSlice"],
    fc.tuple(shapeOf(1, 4), fc.array(place, { minLength: 1, maxLength: 5 })).map(([shape, places]) => ({
      inputs: [
        tensor(shape),
        ints(places.map(({ begin }) => begin)),
        ints(places.map(({ end }) => end)),
        ints(places.map(({ stride }) => stride)),
      ],
      attributes: attributes({
        begin_mask: bits(places.map(({ isBeginOpen }) => isBeginOpen)),
        end_mask: bits(places.map(({ isEndOpen }) => isEndOpen)),
        ellipsis_mask: bits(places.map(({ kind }) => kind === "ellipsis")),
        new_axis_mask: bits(places.map(({ kind }) => kind.startsWith("new"))),
        shrink_axis_mask: bits(places.map(({ kind }) => kind.endsWith("single"))),
      }),
    })),
  ),
  ...alike(
    ["SpaceToBatchND"],
    space
      .filter(({ grown }) => grown.every((each) => each > 0))
      .map(({ blocks, margins, grown, batchSize, others }) => ({
        inputs: [tensor([batchSize, ...grown, ...others]), blocks, margins],
      })),
  ),
  ...alike(
    ["BatchToSpaceND"],
    space.map(({ blocks, margins, numInBlock, sizes, batchSize, others }) => ({
      inputs: [tensor([batchSize * numInBlock, ...sizes, ...others]), blocks, margins],
    })),
  ),
  ...alike(
    ["DepthToSpace"],
    fc.tuple(shapeOf(4, 4), fc.integer({ min: 2, max: 3 })).map(([shape, block]) => ({
      inputs: [tensor(shape.with(3, shape[3]! * block * block))],
      attributes: attributes({ block_size: block }),
    })),
  ),
  ...alike(
    ["SpaceToDepth"],
    fc.tuple(shapeOf(4, 4), fc.integer({ min: 2, max: 3 })).map(([shape, block]) => ({
      inputs: [tensor([shape[0]!, shape[1]! * block, shape[2]! * block, shape[3]!])],
      attributes: attributes({ block_size: block, data_format: "NHWC" }),
    })),
  ),
};
