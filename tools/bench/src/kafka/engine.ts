import { fileURLToPath } from "node:url";
import { loadTensorflow } from "@anneal/runtime";
import { type Batch, createEngine, type StepEngine } from "@anneal/training";
import { machineThreads } from "../subjects/mnist.ts";
import { batchSize, numClasses } from "./protocol.ts";
import recipe, { learningRate } from "./recipe.ts";

/** The compiled engine of the training that both ways feed. */
export function createTraining(numRecords: number): (batch: Batch) => void {
  const { tf } = loadTensorflow({
    numIntraOpThreads: machineThreads.intraOp,
    numInterOpThreads: machineThreads.interOp,
  });
  const engine: StepEngine = createEngine.compiled(tf);
  const steps = Math.ceil(numRecords / batchSize);
  const sizes = [batchSize, numRecords % batchSize].filter((size) => size > 0);
  engine.prepare({
    recipe,
    recipePath: fileURLToPath(new URL("./recipe.ts", import.meta.url)),
    parameters: {},
    seed: 1,
    batchSize,
    batchSizes: { train: sizes, evaluate: [] },
    inputs: { shape: [256], dtype: "float32" },
    labels: { shape: [], dtype: "int32" },
    numClasses,
    optimizer: recipe.optimizer({ parameters: {}, totalSteps: steps, stepsPerEpoch: steps }),
    initialWeights: null,
  });
  let step = 0;
  return (batch) => {
    engine.trainBatch(batch, { step, learningRate });
    step += 1;
  };
}
