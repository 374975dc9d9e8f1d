import type { SymbolicTensor } from "@tensorflow/tfjs";
import * as tf from "@tensorflow/tfjs";
import { accuracy, adamW, cosine, defineRecipe, fashionMnist, normalise, shift } from "anneal";
import { z } from "zod";

const blocksPerStage = 3;

/** Clothing: ResNet-20 for small images (He et al. 2016, arXiv 1512.03385, section 4.2) on Fashion-MNIST. */
export default defineRecipe({
  name: "resnet20",
  description: "ResNet-20 on Fashion-MNIST: 92 % and more in three epochs",

  parameters: z.object({
    epochs: z.int().min(1).max(1_000).default(3).describe("Passes over the training images"),
    batchSize: z.int().min(1).max(4_096).default(128).describe("Images per step"),
    learningRate: z.number().positive().max(1).default(0.004).describe("Learning rate after the warm-up"),
    weightDecay: z.number().min(0).max(1).default(0.01).describe("Decay of the weights, times the learning rate"),
    width: z
      .int()
      .min(4)
      .max(256)
      .default(16)
      .describe("Filters of the first stage; the second has twice as many, the third four times"),
    augment: z.boolean().default(false).describe("Shift the training images a little"),
    validationShare: z.number().min(0).max(0.5).default(0).describe("Share of training images held out for validation"),
  }),

  data({ parameters, seed }) {
    const toUnit = normalise({ scale: 1 / 255, mean: 0.286, std: 0.353 });
    const { rest, held } = fashionMnist({ split: "train" }).split({ share: parameters.validationShare, seed });
    const train = parameters.augment ? rest.map(shift({ maxPixels: 2 })) : rest;
    return {
      train: train.map(toUnit),
      validation: parameters.validationShare > 0 ? held.map(toUnit) : undefined,
      test: fashionMnist({ split: "test" }).map(toUnit),
    };
  },

  model({ parameters, inputShape, numClasses }) {
    const input = tf.input({ shape: inputShape });
    const widths = [parameters.width, 2 * parameters.width, 4 * parameters.width];
    let x = relu(normalizedConv("stem", input, { filters: parameters.width, kernelSize: 3, strides: 1 }));
    widths.forEach((filters, stage) => {
      for (let block = 0; block < blocksPerStage; block += 1) {
        const changes = stage > 0 && block === 0;
        x = residual(`stage${stage + 1}_block${block + 1}`, x, { filters, strides: changes ? 2 : 1, changes });
      }
    });
    const pooled = tf.layers.globalAveragePooling2d({}).apply(x);
    const logits = tf.layers.dense({ name: "logits", units: numClasses }).apply(pooled) as SymbolicTensor;
    return tf.model({ inputs: input, outputs: logits });
  },

  loss: "softmaxCrossEntropy",
  metrics: { accuracy: accuracy() },

  optimizer: ({ parameters: { learningRate, weightDecay }, totalSteps }) =>
    adamW({
      learningRate: cosine({ peak: learningRate, totalSteps, warmupSteps: Math.min(200, totalSteps / 10) }),
      weightDecay,
    }),

  training: ({ parameters }) => ({
    epochs: parameters.epochs,
    batchSize: parameters.batchSize,
    evaluationBatchSize: 250,
  }),
});

interface Convolution {
  readonly filters: number;
  readonly kernelSize: number;
  readonly strides: number;
}

/** Two convolutions beside a shortcut, which is a projection where the shape changes. */
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
