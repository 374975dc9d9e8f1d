import { table } from "../flatbuffer.ts";
import type { TfliteRow, TfliteRows } from "../row.ts";
import type { TfliteCall } from "../tflite-call.ts";

/** Blocks of one, two or more axes, of images of so many. */
function moved(op: "SPACE_TO_BATCH_ND" | "BATCH_TO_SPACE_ND"): TfliteRow {
  return (call) => {
    const input = call.input(0);
    const [blocks, margins] = [call.ints(1), call.ints(2)];
    const isImage = blocks.length === 2 && input.dims.length === 4;
    if (!isImage && !(blocks.length === 1 && input.dims.length === 3))
      call.fail("has blocks of other than 1 or 2 axes");
    const sizes = call.constants(margins, [blocks.length, 2]);
    return call.emit(op, [input, call.constants(blocks), sizes], { dims: call.outputDims() });
  };
}

function blockSize(call: TfliteCall): number {
  if (call.attribute("data_format", "string", "NHWC") !== "NHWC") call.fail("has its channels first");
  return call.attribute("block_size", "int", 1);
}

/** Ops that move values between the batch or the channels and space. */
export const spaceRows: TfliteRows = {
  SpaceToBatchND: moved("SPACE_TO_BATCH_ND"),
  BatchToSpaceND: moved("BATCH_TO_SPACE_ND"),
  DepthToSpace: (call) => {
    const options = table("DepthToSpaceOptions", { blockSize: blockSize(call) });
    return call.emit("DEPTH_TO_SPACE", [call.input(0)], { dims: call.outputDims(), options });
  },
  SpaceToDepth: (call) => {
    const options = table("SpaceToDepthOptions", { blockSize: blockSize(call) });
    return call.emit("SPACE_TO_DEPTH", [call.input(0)], { dims: call.outputDims(), options });
  },
};
