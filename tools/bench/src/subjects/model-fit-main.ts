import type { FeedPlan } from "@anneal/data";
import { installSeededRandom, loadTensorflow } from "@anneal/runtime";
import { loadRecipe } from "@anneal/training";
import type { LayersModel } from "@tensorflow/tfjs";
import { machineThreads, mnistPath, mnistSpec, openMnist } from "./mnist.ts";
import type { FitReply, FitRequest } from "./model-fit.ts";
import { runRing } from "./ring-run.ts";

/**
 * The peer: tfjs-node's own `model.fit` as its users call it, all data in one tensor, in a process of its own. It trains
 * the recipe's model from the same initial weights on the same batches in the same order.
 */
const { intraOp, interOp } = machineThreads;
const { tf } = loadTensorflow({ numIntraOpThreads: intraOp, numInterOpThreads: interOp });
const numClasses = 10;
let fitNext: ((numSteps: number) => Promise<FitReply>) | null = null;

process.on("message", (request: FitRequest) => {
  answer(request).then(
    (reply) => process.send?.(reply),
    (cause: unknown) => process.send?.({ type: "failed", message: String(cause) } satisfies FitReply),
  );
});
process.on("disconnect", () => process.exit(0));

async function answer(request: FitRequest): Promise<FitReply> {
  if (request.type === "prepare") {
    fitNext = await prepare(request);
    return { type: "prepared" };
  }
  if (fitNext === null) throw new Error("fit before prepare");
  return fitNext(request.numSteps);
}

async function prepare({ numSteps, parameters, learningRate }: Extract<FitRequest, { type: "prepare" }>) {
  const spec = mnistSpec({ parameters });
  const mnist = await openMnist(spec);
  const { batchSize, inputs } = mnist.plan;
  const numBatches = Math.min(numSteps, mnist.stepsPerEpoch);
  const { xs, ys, numSamples } = await collect(mnist.plan, numBatches);
  // What was needed to collect them is no part of what `model.fit` needs.
  globalThis.gc?.();

  const random = installSeededRandom(tf, { seed: spec.seed });
  random.beginInit();
  const recipe = await loadRecipe(mnistPath);
  const context = { parameters: mnist.parameters, inputShape: [...inputs.shape], numClasses };
  const model = recipe.model(context) as LayersModel;
  random.uninstall();
  model.compile({
    optimizer: tf.train.adam(learningRate),
    loss: (labels, logits) => tf.losses.softmaxCrossEntropy(labels, logits),
    metrics: ["accuracy"],
  });

  let done = 0;
  return async (steps: number): Promise<FitReply> => {
    // Never more than one epoch's images in memory, as its users have them: then the first ones again.
    if (done + steps > numBatches) done = 0;
    const from = done * batchSize;
    const numTaken = Math.min(steps * batchSize, numSamples - from);
    const [x, y] = tf.tidy(() => [xs.slice(from, numTaken), ys.slice(from, numTaken)] as const);
    done += steps;
    const startedAt = performance.now();
    const history = await model.fit(x, y, { batchSize, epochs: 1, shuffle: false, verbose: 0 });
    const elapsedMs = performance.now() - startedAt;
    x.dispose();
    y.dispose();
    return { type: "fitted", elapsedMs, numSamples: numTaken, loss: Number(history.history.loss?.[0]) };
  };
}

/** The run's first batches, in order. */
async function collect(plan: FeedPlan, numBatches: number) {
  const work = { kind: "collect" } as const;
  const { collected, numSamples } = await runRing({ plan, startItem: 0, stopItem: numBatches, work });
  if (collected === null) throw new Error("nothing was collected");
  const xs = tf.tensor(collected.inputs, [numSamples, ...plan.inputs.shape]);
  const indices = tf.tensor(collected.labels, [numSamples, ...plan.labels.shape], "int32");
  const ys = tf.oneHot(indices, numClasses).toFloat();
  // TensorFlow takes a copy when a tensor is first read, and the array can go.
  xs.slice(0, 1).dispose();
  return { xs, ys, numSamples };
}
