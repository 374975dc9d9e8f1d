import { availableParallelism } from "node:os";
import type { Rank, Tensor, Tensor4D } from "@tensorflow/tfjs";
import { expect, test } from "vitest";
import { loadTensorflow } from "./index.ts";

const numThreads = availableParallelism();
const { tf } = loadTensorflow({ numIntraOpThreads: numThreads, numInterOpThreads: numThreads });

/** Of many calls: the fault that is guarded against shows in some only, and not on every CPU. */
const numCalls = 40;

test.each([
  [8, 4, 6, 2],
  [32, 3, 64, 2],
  [12, 4, 6, 3],
  [7, 5, 4, 2],
  [8, 16, 8, 2],
  [9, 12, 8, [2, 1]],
] as const)(
  "%i pixels, %i channels to %i: a 1x1 filter with strides %j has the gradient of a product, again and again",
  (size, inputChannels, outputChannels, strides) => {
    const [strideHeight, strideWidth] = typeof strides === "number" ? [strides, strides] : strides;
    const x = tf.randomNormal<Rank.R4>([6, size, size, inputChannels], 0, 1, "float32", 3);
    const filter = tf.randomNormal<Rank.R4>([1, 1, inputChannels, outputChannels], 0, 1, "float32", 4);
    const convolve = (filter: Tensor4D) => tf.conv2d(x, filter, [strideHeight, strideWidth], "valid");
    const outputGradient = tf.randomNormal(convolve(filter).shape, 0, 1, "float32", 5);
    const sampled = tf.stridedSlice(x, [0, 0, 0, 0], x.shape, [1, strideHeight, strideWidth, 1]);
    const expected = tf
      .matMul(sampled.reshape([-1, inputChannels]), outputGradient.reshape([-1, outputChannels]), true)
      .dataSync();
    const gradient = tf.grad((filter: Tensor) =>
      convolve(filter as Tensor4D)
        .mul(outputGradient)
        .sum(),
    );
    const { numTensors } = tf.memory();
    for (let call = 0; call < numCalls; call++) {
      const found = tf.tidy(() => gradient(filter).dataSync());
      const distances = found.map(
        (value, index) => Math.abs(value - expected[index]!) / (1 + Math.abs(expected[index]!)),
      );
      expect(Math.max(...distances)).toBeLessThan(1e-4);
    }
    expect(tf.memory().numTensors).toBe(numTensors);
  },
);
