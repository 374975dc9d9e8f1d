import { table } from "../flatbuffer.ts";
import type { TfliteRows } from "../row.ts";
import type { TfliteCall } from "../tflite-call.ts";
import type { TfliteTensor } from "../tflite-graph.ts";

function placement(call: TfliteCall) {
  return {
    alignCorners: call.attribute("align_corners", "bool", false),
    halfPixelCenters: call.attribute("half_pixel_centers", "bool", false),
  };
}

function sizes(call: TfliteCall): TfliteTensor {
  const [height, width] = call.outputDims().slice(1) as [number, number];
  return call.constants([height, width]);
}

/** Ops on images `[batch, height, width, channels]`. */
export const imageRows: TfliteRows = {
  ResizeBilinear: (call) => {
    const options = table("ResizeBilinearOptions", placement(call));
    const image = call.cast(call.input(0), "float32");
    return call.emit("RESIZE_BILINEAR", [image, sizes(call)], { dims: call.outputDims(), options });
  },
  ResizeNearestNeighbor: (call) => {
    const options = table("ResizeNearestNeighborOptions", placement(call));
    return call.emit("RESIZE_NEAREST_NEIGHBOR", [call.input(0), sizes(call)], { dims: call.outputDims(), options });
  },
};
