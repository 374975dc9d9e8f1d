import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { loadTensorflow } from "@anneal/runtime";
import { type Batch, createEngine, type StepEngine } from "@anneal/training";
import { machineThreads } from "../../subjects/mnist.ts";
import type { DataOrder } from "../protocol.ts";
import type { TrainedEpochs } from "./protocol.ts";
import recipe, { learningRate, pictureShape } from "./recipe.ts";

/** The training that both ways feed: the compiled engine, and a digest of everything that it was given. */
export class Training {
  readonly #engine: StepEngine;
  readonly #batches = createHash("sha256");
  #step = 0;
  #numSamples = 0;
  #loss = 0;
  #engineMs = 0;

  constructor({ batchSize, numSamples, seed }: Pick<DataOrder, "batchSize" | "numSamples" | "seed">) {
    const { tf } = loadTensorflow({
      numIntraOpThreads: machineThreads.intraOp,
      numInterOpThreads: machineThreads.interOp,
    });
    this.#engine = createEngine.compiled(tf);
    const stepsPerEpoch = Math.ceil(numSamples / batchSize);
    const sizes = [batchSize, numSamples % batchSize].filter((size) => size > 0);
    this.#engine.prepare({
      recipe,
      recipePath: fileURLToPath(new URL("./recipe.ts", import.meta.url)),
      parameters: {},
      seed,
      batchSize,
      batchSizes: { train: sizes, evaluate: [] },
      inputs: { shape: pictureShape, dtype: "float32" },
      labels: { shape: [], dtype: "int32" },
      numClasses: 10,
      optimizer: recipe.optimizer({ parameters: {}, totalSteps: stepsPerEpoch, stepsPerEpoch }),
      initialWeights: null,
    });
  }

  train(batch: Batch): void {
    this.#batches.update(batch.inputs).update(batch.labels);
    const startedAt = performance.now();
    const { sums, numSamples } = this.#engine.trainBatch(batch, { step: this.#step, learningRate });
    this.#engineMs += performance.now() - startedAt;
    this.#step += 1;
    this.#numSamples += numSamples;
    this.#loss += sums.loss ?? Number.NaN;
  }

  /** What was trained since the last time it was asked. */
  take(): Omit<TrainedEpochs, "elapsedMs"> {
    const weights = createHash("sha256");
    for (const { data } of this.#engine.readState().model) weights.update(data);
    const trained = {
      engineMs: this.#engineMs,
      numSamples: this.#numSamples,
      loss: this.#loss / this.#numSamples,
      batchDigest: this.#batches.copy().digest("hex"),
      weightDigest: weights.digest("hex"),
    };
    [this.#numSamples, this.#loss, this.#engineMs] = [0, 0, 0];
    return trained;
  }
}
