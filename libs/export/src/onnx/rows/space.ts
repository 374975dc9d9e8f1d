import { type Dim, isFixed } from "../../model/dims.ts";
import type { OnnxCall } from "../onnx-call.ts";
import { onnxInt, onnxString } from "../onnx-graph.ts";
import type { OnnxRow, OnnxRows } from "../row.ts";

function times(dim: Dim, factor: number): Dim {
  return isFixed(dim) ? dim * factor : { perSample: dim.perSample * factor };
}

function dividedBy(dim: Dim, divisor: number): Dim {
  return isFixed(dim) ? dim / divisor : { perSample: dim.perSample / divisor };
}

function productOf(sizes: readonly number[]): number {
  return sizes.reduce((product, size) => product * size, 1);
}

/** Zeros around, then every `block`-th value of each axis goes to a sample of its own. */
const spaceToBatch: OnnxRow = (call) => {
  const [blocks, margins] = [call.ints(1), call.ints(2)];
  const [batch, ...rest] = call.dims(0) as [Dim, ...Dim[]];
  const others = rest.slice(blocks.length);
  const zeros = others.map(() => 0);
  const pads = [0, 1].flatMap((side) => [0, ...blocks.map((_, axis) => margins[2 * axis + side]!), ...zeros]);
  const padded = call.emit("Pad", [call.input(0), call.constants(pads), call.scalar(0, call.dtype(0))]);
  const numBlocks = blocks.map((block, axis) => {
    return (call.fixedSize(0, axis + 1) + margins[2 * axis]! + margins[2 * axis + 1]!) / block;
  });
  const parted = call.reshaped(padded, [
    batch,
    ...blocks.flatMap((block, axis) => [numBlocks[axis]!, block]),
    ...others,
  ]);
  const order = [
    ...blocks.map((_, axis) => 2 * axis + 2),
    0,
    ...blocks.map((_, axis) => 2 * axis + 1),
    ...others.map((_, axis) => 2 * blocks.length + 1 + axis),
  ];
  const moved = call.transposed(parted, order);
  return call.reshaped(moved, [times(batch, productOf(blocks)), ...numBlocks, ...others]);
};

const batchToSpace: OnnxRow = (call) => {
  const [blocks, crops] = [call.ints(1), call.ints(2)];
  const [batch, ...rest] = call.dims(0) as [Dim, ...Dim[]];
  const others = rest.slice(blocks.length);
  const sizes = blocks.map((_, axis) => call.fixedSize(0, axis + 1));
  const numSamples = dividedBy(batch, productOf(blocks));
  const parted = call.reshaped(call.input(0), [...blocks, numSamples, ...sizes, ...others]);
  const order = [
    blocks.length,
    ...blocks.flatMap((_, axis) => [blocks.length + 1 + axis, axis]),
    ...others.map((_, axis) => 2 * blocks.length + 1 + axis),
  ];
  const grown = sizes.map((size, axis) => size * blocks[axis]!);
  const whole = call.reshaped(call.transposed(parted, order), [numSamples, ...grown, ...others]);
  const ranges = grown.map((size, axis) => ({
    axis: axis + 1,
    from: crops[2 * axis]!,
    to: size - crops[2 * axis + 1]!,
  }));
  return call.sliced(whole, ranges);
};

function blockSize(call: OnnxCall) {
  if (call.attribute("data_format", "string", "NHWC") !== "NHWC") call.fail("has its channels first");
  return { blocksize: onnxInt(call.attribute("block_size", "int", 1)) };
}

/** Ops that move values between the batch or the channels and space. */
export const spaceRows: OnnxRows = {
  SpaceToBatchND: spaceToBatch,
  BatchToSpaceND: batchToSpace,
  DepthToSpace: (call) =>
    call.image(call.emit("DepthToSpace", [call.imageInput(0)], { ...blockSize(call), mode: onnxString("DCR") })),
  SpaceToDepth: (call) => call.image(call.emit("SpaceToDepth", [call.imageInput(0)], blockSize(call))),
};
