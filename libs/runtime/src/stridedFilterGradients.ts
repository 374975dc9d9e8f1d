import type { KernelConfig, Tensor4D } from "@tensorflow/tfjs";
import type { Tfjs } from "./tensorflow.ts";

const kernelName = "Conv2DBackpropFilter";
const backendName = "tensorflow";

/** oneDNN takes channels in blocks of at most so many. */
const channelBlock = 16;

interface FilterGradientAttributes {
  readonly strides: number | readonly [number, number];
  readonly dataFormat: string;
  readonly filterShape: readonly [height: number, width: number, inputChannels: number, outputChannels: number];
}

/**
 * Keeps the gradient of a 1x1 filter with strides from a fault of oneDNN (seen in 3.7.3, with AVX2): it gathers the samples that
 * the strides leave in a workspace of its own, a whole block of channels at a time, and where the input has fewer channels than a
 * block, it writes past the workspace's end. Gradients are then wrong in one call and right in the next.
 *
 * What the strides leave is taken out before, so that there are none. The same gradient; call once a thread, with TensorFlow loaded.
 */
export function guardStridedFilterGradients(tf: Tfjs): void {
  const original = tf.getKernel(kernelName, backendName);
  const kernelFunc: KernelConfig["kernelFunc"] = ({ inputs, attrs, backend }) => {
    const { strides, dataFormat, filterShape } = attrs as unknown as FilterGradientAttributes;
    const [height, width, inputChannels] = filterShape;
    const [strideHeight, strideWidth] = typeof strides === "number" ? [strides, strides] : strides;
    const isHit = height === 1 && width === 1 && strideHeight * strideWidth > 1 && inputChannels < channelBlock;
    if (!isHit || dataFormat !== "NHWC") return original.kernelFunc({ inputs, attrs: attrs!, backend });
    return tf.tidy(() => {
      const x = inputs.x as Tensor4D;
      const sampled = tf.stridedSlice(x, [0, 0, 0, 0], x.shape, [1, strideHeight, strideWidth, 1]);
      const unstrided = { ...attrs, strides: [1, 1] };
      return original.kernelFunc({ inputs: { ...inputs, x: sampled }, attrs: unstrided, backend }) as Tensor4D;
    });
  };
  tf.unregisterKernel(kernelName, backendName);
  tf.registerKernel({ kernelName, backendName, kernelFunc });
}
