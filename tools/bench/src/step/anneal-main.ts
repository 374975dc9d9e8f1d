import { fileURLToPath } from "node:url";
import type { EngineName } from "@anneal/contracts";
import { loadTensorflow } from "@anneal/runtime";
import { createEngine } from "@anneal/training";
import { readBatches, toBatches, writeTensors } from "./batches.ts";
import { learningRate, seed, workloadRecipe } from "./recipe.ts";
import { findWorkload, serve, threadOptions } from "./serve.ts";

/** Anneal: a workload's recipe in one of the engines, as the training loop drives it. */
await serve((order) => {
  const workload = findWorkload(order.workload);
  const { tf, version } = loadTensorflow(threadOptions(order));
  const batches = toBatches(readBatches(order.batchesPath), workload);
  const recipe = workloadRecipe(workload);
  const { batchSize, inputs, labels, numClasses } = workload;
  const startedAt = performance.now();
  const engine = createEngine[order.variant as EngineName](tf);
  engine.prepare({
    recipe,
    recipePath: fileURLToPath(new URL("./recipe.ts", import.meta.url)),
    parameters: {},
    seed,
    batchSize,
    inputs,
    labels,
    numClasses,
    optimizer: recipe.optimizer({ parameters: {}, totalSteps: batches.length, stepsPerEpoch: batches.length }),
    initialWeights: null,
  });
  const prepareMs = performance.now() - startedAt;
  const { model, optimizer } = engine.readState();
  writeTensors(order.weightsPath, model);
  // Adam keeps two values for each that is trained.
  const numParameters = optimizer.reduce((sum, { data }) => sum + data.length, 0) / 2;
  let step = 0;
  return {
    ready: { numParameters, prepareMs, version: `TensorFlow ${version}` },
    takeSteps(numSteps) {
      let loss = 0;
      for (const batch of batches.slice(0, numSteps)) {
        const { sums, numSamples } = engine.trainBatch(batch, { step, learningRate });
        loss += (sums.loss ?? Number.NaN) / numSamples / numSteps;
        step += 1;
      }
      return loss;
    },
  };
});
