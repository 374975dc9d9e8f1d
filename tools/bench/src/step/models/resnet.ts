import type { SymbolicTensor } from "@tensorflow/tfjs";
import * as tf from "@tensorflow/tfjs";
import type { BuildModel } from "./index.ts";

const widths = [16, 32, 64];
const blocksPerStage = 3;

/** ResNet-20 for small images (He et al. 2016, arXiv 1512.03385, section 4.2), projections where the shape changes. */
export const resnet: BuildModel = ({ inputs, numClasses }) => {
  const input = tf.input({ shape: [...inputs.shape] });
  let x = relu(normalizedConv("stem", input, { filters: widths[0]!, kernelSize: 3, strides: 1 }));
  widths.forEach((filters, stage) => {
    for (let block = 0; block < blocksPerStage; block += 1) {
      const changes = stage > 0 && block === 0;
      x = residual(`stage${stage + 1}_block${block + 1}`, x, { filters, strides: changes ? 2 : 1, changes });
    }
  });
  const pooled = tf.layers.globalAveragePooling2d({}).apply(x);
  const logits = tf.layers.dense({ name: "logits", units: numClasses }).apply(pooled) as SymbolicTensor;
  return tf.model({ inputs: input, outputs: logits });
};

interface Convolution {
  readonly filters: number;
  readonly kernelSize: number;
  readonly strides: number;
}

function residual(
  name: string,
  x: SymbolicTensor,
  { filters, strides, changes }: { readonly filters: number; readonly strides: number; readonly changes: boolean },
): SymbolicTensor {
  const first = relu(normalizedConv(`${name}_1`, x, { filters, kernelSize: 3, strides }));
  const second = normalizedConv(`${name}_2`, first, { filters, kernelSize: 3, strides: 1 });
  const shortcut = changes ? normalizedConv(`${name}_shortcut`, x, { filters, kernelSize: 1, strides }) : x;
  return relu(tf.layers.add().apply([shortcut, second]) as SymbolicTensor);
}

function normalizedConv(name: string, x: SymbolicTensor, convolution: Convolution): SymbolicTensor {
  const initial = { padding: "same", useBias: false, kernelInitializer: "heNormal" } as const;
  const y = tf.layers.conv2d({ name: `${name}_conv`, ...convolution, ...initial }).apply(x);
  return tf.layers.batchNormalization({ name: `${name}_norm` }).apply(y) as SymbolicTensor;
}

function relu(x: SymbolicTensor): SymbolicTensor {
  return tf.layers.reLU().apply(x) as SymbolicTensor;
}
