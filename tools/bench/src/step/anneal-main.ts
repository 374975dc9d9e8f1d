import { fileURLToPath } from "node:url";
import type { EngineName, StepExplanation } from "@anneal/contracts";
import { createEngine, type EngineOptions } from "@anneal/training";
import { readBatches, toBatches, writeTensors } from "./batches.ts";
import { planWithin } from "./plan-within.ts";
import { learningRate, seed, workloadRecipe } from "./recipe.ts";
import { findWorkload, serve } from "./serve.ts";

/** Anneal: a workload's recipe in one of the engines, as the training loop drives it. */
await serve((order, tf) => {
  const workload = findWorkload(order.workload);
  const batches = toBatches(readBatches(order.batchesPath), workload);
  const recipe = workloadRecipe(workload);
  const { batchSize, inputs, labels, numClasses } = workload;
  const options: EngineOptions = {
    recipe,
    recipePath: fileURLToPath(new URL("./recipe.ts", import.meta.url)),
    parameters: {},
    seed,
    batchSize,
    inputs,
    labels,
    numClasses,
    optimizer: recipe.optimizer({
      parameters: {},
      totalSteps: order.numStepsAhead,
      stepsPerEpoch: order.numStepsAhead,
    }),
    initialWeights: null,
    precision: order.precision,
    lowering: { numSteps: order.numStepsAhead, maxStepsPerCall: workload.numSteps },
  };
  return () => {
    const startedAt = performance.now();
    const memory = order.budgetBytes === null ? null : planWithin(tf, options, order.budgetBytes);
    const engine = createEngine[order.variant as EngineName](tf);
    const { microBatches = 1, recomputeSegments = 1 } = memory?.rung ?? {};
    const { lowering } = engine.prepare({ ...options, microBatches, recomputeSegments });
    const stepsPerCall = lowering?.stepsPerCall ?? 1;
    const prepareMs = performance.now() - startedAt;
    const { model, optimizer } = engine.readState();
    writeTensors(order.weightsPath, model);
    // Adam keeps two values for each that is trained.
    const numParameters = optimizer.reduce((sum, { data }) => sum + data.length, 0) / 2;
    let step = 0;
    return {
      ready: { numParameters, prepareMs, memory },
      takeSteps(numSteps) {
        let loss = 0;
        for (let from = 0; from < numSteps; from += stepsPerCall) {
          const size = Math.min(stepsPerCall, numSteps - from);
          const group = Array.from({ length: size }, (_, index) => batches[(from + index) % batches.length]!);
          const scalars = group.map((_, index) => ({ step: step + index, learningRate }));
          for (const { sums, numSamples } of engine.trainBatches(group, scalars)) {
            loss += (sums.loss ?? Number.NaN) / numSamples / numSteps;
          }
          step += group.length;
        }
        return loss;
      },
      explain: () => productShareOf(engine.explain()),
    };
  };
});

/** Of the time of all nodes, that of matrix products and convolutions, whatever TensorFlow has fused with them. */
function productShareOf({ nodes }: StepExplanation): number {
  const total = nodes.reduce((sum, { microseconds }) => sum + microseconds, 0);
  const products = nodes.filter(({ op }) => /MatMul|Einsum|Conv/.test(op));
  return products.reduce((sum, { microseconds }) => sum + microseconds, 0) / total;
}
