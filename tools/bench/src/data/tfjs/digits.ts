import { readFileSync } from "node:fs";
import type { Tfjs } from "@anneal/runtime";
import type { TensorContainer } from "@tensorflow/tfjs";
import type { DataOrder, DigitsOrder } from "../protocol.ts";
import { type Batches, numAhead } from "./batches.ts";

const size = 28;
/** The images in memory, in one tensor each. TensorFlow.js has no op for tfjs-node that rotates by bilinear resampling: it is done in JavaScript. */
export function digitBatches(tf: Tfjs, order: DataOrder, data: DigitsOrder): Batches {
  // IDX files: 16 and 8 bytes of header.
  const images = readFileSync(data.images).subarray(16);
  const labels = readFileSync(data.labels).subarray(8);
  const indices = Array.from({ length: order.numSamples }, (_, index) => index);
  const toSample = (element: TensorContainer): TensorContainer => {
    const index = element as unknown as number;
    const pixels = images.subarray(index * size * size, (index + 1) * size * size);
    return tf.tidy(() => ({
      xs: tf.tensor3d(rotated(pixels, data), [size, size, 1]),
      ys: tf.scalar(labels[index]!, "int32"),
    }));
  };
  return tf.data.array(indices).shuffle(order.numSamples).map(toSample).batch(order.batchSize).prefetch(numAhead);
}

function rotated(pixels: Uint8Array, { maxDegrees, maxPixels, mean, std }: DigitsOrder): Float32Array {
  const between = (limit: number) => limit * (2 * Math.random() - 1);
  const angle = (between(maxDegrees) * Math.PI) / 180;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const [shiftX, shiftY] = [between(maxPixels), between(maxPixels)];
  const centre = (size - 1) / 2;
  const pixel = (x: number, y: number) => (x < 0 || y < 0 || x >= size || y >= size ? 0 : pixels[y * size + x]!);
  const result = new Float32Array(size * size);
  for (let y = 0, at = 0; y < size; y += 1) {
    for (let x = 0; x < size; x += 1, at += 1) {
      const [dx, dy] = [x - centre - shiftX, y - centre - shiftY];
      const [fromX, fromY] = [cos * dx + sin * dy + centre, cos * dy - sin * dx + centre];
      const [left, top] = [Math.floor(fromX), Math.floor(fromY)];
      const [partX, partY] = [fromX - left, fromY - top];
      const upper = pixel(left, top) * (1 - partX) + pixel(left + 1, top) * partX;
      const lower = pixel(left, top + 1) * (1 - partX) + pixel(left + 1, top + 1) * partX;
      result[at] = ((upper * (1 - partY) + lower * partY) / 255 - mean) / std;
    }
  }
  return result;
}
