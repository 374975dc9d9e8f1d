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
  const { batchSize, inputs, labels } = mnist.plan;
  const work = { kind: "collect" } as const;
  const { collected, numSamples } = await runRing({ plan: mnist.plan, startItem: 0, stopItem: numSteps, work });
  if (collected === null) throw new Error("nothing was collected");
  const xs = tf.tensor(collected.inputs, [numSamples, ...inputs.shape]);
  const ys = tf.oneHot(tf.tensor(collected.labels, [numSamples, ...labels.shape], "int32"), numClasses).toFloat();

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

const numClasses = 10;
