import type { OnnxCall } from "../onnx-call.ts";
import { onnxString } from "../onnx-graph.ts";
import { channelsFirst, inOrder } from "../orders.ts";
import type { OnnxResult, OnnxRows } from "../row.ts";

/** What place of the image a place of the result is, by ONNX's names. */
function placement(call: OnnxCall): "align_corners" | "half_pixel" | "asymmetric" {
  if (call.attribute("align_corners", "bool", false)) return "align_corners";
  return call.attribute("half_pixel_centers", "bool", false) ? "half_pixel" : "asymmetric";
}

function resized(call: OnnxCall, image: string, mode: string, nearest = "floor"): OnnxResult {
  // All sizes, those that stay as well: of `axes` alone the runtime's own passes lose track (ONNX Runtime 1.30).
  const sizes = call.shape(inOrder(call.outputDims(0), channelsFirst(4)));
  const name = call.emit("Resize", [image, "", "", sizes], {
    coordinate_transformation_mode: onnxString(placement(call)),
    mode: onnxString(mode),
    nearest_mode: onnxString(nearest),
  });
  return call.image(name);
}

/** Ops on images `[batch, height, width, channels]`. */
export const imageRows: OnnxRows = {
  ResizeBilinear: (call) => {
    const image = call.imageInput(0);
    return resized(call, call.dtype(0) === "float32" ? image : call.cast(image, "float32"), "linear");
  },
  // TensorFlow takes the pixel that a place lies in: rounding half up, once places are counted from the centres of pixels.
  ResizeNearestNeighbor: (call) =>
    resized(call, call.imageInput(0), "nearest", placement(call) === "asymmetric" ? "floor" : "round_prefer_ceil"),
};
