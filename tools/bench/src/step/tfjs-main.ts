import { numElements } from "@anneal/data";
import { installSeededRandom } from "@anneal/runtime";
import type { Tensor } from "@tensorflow/tfjs";
import { readBatches } from "./batches.ts";
import { models } from "./models/index.ts";
import { learningRate, seed } from "./recipe.ts";
import { findWorkload, serve } from "./serve.ts";

/** The peer: tfjs-node's own `model.fit` as its users call it, on the same layers and initial weights. */
await serve((order, tf) => {
  const workload = findWorkload(order.workload);
  const { inputs, labels } = readBatches(order.batchesPath);
  const { batchSize, numClasses } = workload;
  const numSamples = labels.length / numElements(workload.labels.shape);
  const toTensor = tf.tensor as (values: typeof inputs, shape: number[], dtype: "float32" | "int32") => Tensor;
  const xs = toTensor(inputs, [numSamples, ...workload.inputs.shape], workload.inputs.dtype as "float32" | "int32");
  const ys = tf.tidy(() =>
    tf.oneHot(tf.tensor(labels, [numSamples, ...workload.labels.shape], "int32"), numClasses).toFloat(),
  );
  // TensorFlow takes a copy when a tensor is first read, and the array can go.
  xs.slice(0, 1).dispose();
  return () => {
    const startedAt = performance.now();
    const random = installSeededRandom(tf, { seed });
    random.beginInit();
    const model = models[workload.name](workload);
    random.uninstall();
    model.compile({
      optimizer: tf.train.adam(learningRate),
      loss: (oneHot, logits) => tf.losses.softmaxCrossEntropy(oneHot, logits),
    });
    const prepareMs = performance.now() - startedAt;
    const numParameters = model.trainableWeights.reduce((sum, { shape }) => sum + numElements(shape as number[]), 0);
    const heads = new Map<number, readonly [Tensor, Tensor]>();
    return {
      ready: { numParameters, prepareMs },
      async takeSteps(numSteps) {
        const head =
          heads.get(numSteps) ?? ([xs, ys].map((all) => all.slice(0, numSteps * batchSize)) as [Tensor, Tensor]);
        heads.set(numSteps, head);
        const { history } = await model.fit(...head, { batchSize, epochs: 1, shuffle: false, verbose: 0 });
        return Number(history.loss?.[0]);
      },
    };
  };
});
