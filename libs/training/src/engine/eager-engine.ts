import { AnnealError, type StepExplanation } from "@anneal/contracts";
import type { FieldSpec, TypedArray } from "@anneal/data";
import { createSharedTensor, installSeededRandom, type SeededRandom, type Tfjs } from "@anneal/runtime";
import type { Tensor } from "@tensorflow/tfjs";
import { EagerOptimizer, slotsOf } from "../optimizers/eager-optimizer.ts";
import { guardRecipe } from "../recipe/guard.ts";
import { guardEngine } from "./failures.ts";
import {
  buildRecipeStep,
  checkBatch,
  checkFinite,
  checkFit,
  differentiate,
  evaluate,
  numParametersOf,
  type RecipeStep,
  toSums,
} from "./recipe-step.ts";
import type {
  Batch,
  BatchSums,
  EngineOptions,
  EngineState,
  PreparedEngine,
  StepEngine,
  StepScalars,
} from "./step-engine.ts";
import { copyTensors, restoreTensors } from "./tensor-copies.ts";
import { refuse } from "./unsupported.ts";
import { modelTargets } from "./variables.ts";

/** Runs every step op by op through TensorFlow.js: the reference that other engines are compared with. */
export class EagerEngine implements StepEngine {
  readonly name = "eager";
  readonly #tf: Tfjs;
  #prepared: Prepared | null = null;

  /** @param tf TensorFlow.js with its backend loaded (`loadTensorflow`) */
  constructor(tf: Tfjs) {
    this.#tf = tf;
  }

  prepare(options: EngineOptions): PreparedEngine {
    this.dispose();
    refuse(this.name, ["precision", "layerPrecision", "microBatches", "recomputeSegments"], options);
    const random = installSeededRandom(this.#tf, { seed: options.seed });
    random.beginInit();
    const step = buildRecipeStep(options);
    const optimizer = new EagerOptimizer(this.#tf, options.optimizer, step.trained);
    const prepared: Prepared = { step, random, optimizer, numUpdates: 0 };
    this.#prepared = prepared;
    if (options.initialWeights) restoreTensors(this.#tf, modelTargets(step.variables), options.initialWeights, "model");
    return {
      numParameters: numParametersOf(step),
      outputShape: this.#rehearse(prepared),
      graphDigest: null,
      lowering: null,
    };
  }

  trainBatch(batch: Batch, { step, learningRate }: StepScalars): BatchSums {
    const prepared = this.#ready();
    prepared.random.beginStep(step);
    return this.#withBatch(prepared, batch, (inputs, labels) => {
      const { gradients, report, loss } = differentiate(this.#tf, prepared.step, inputs, labels);
      const scale = this.#tf.addN(Object.values(gradients).map((gradient) => gradient.square().sum()));
      // Read as one array: each read waits for TensorFlow.
      const values = this.#tf.concat([report, scale.reshape([1])]).dataSync();
      this.#tf.dispose([report, loss]);
      const sums = toSums(prepared.step, values, batch.numSamples);
      checkFinite(sums, values.at(-1)!, step);
      prepared.numUpdates += 1;
      prepared.optimizer.apply(gradients, { learningRate, t: prepared.numUpdates });
      return sums;
    });
  }

  trainBatches(batches: readonly Batch[], scalars: readonly StepScalars[]): readonly BatchSums[] {
    return batches.map((batch, index) => this.trainBatch(batch, scalars[index]!));
  }

  evaluateBatch(batch: Batch, step: number): BatchSums {
    const prepared = this.#ready();
    prepared.random.beginStep(step);
    return this.#withBatch(prepared, batch, (inputs, labels) => {
      const { report } = evaluate(this.#tf, prepared.step, inputs, labels);
      return toSums(prepared.step, report.dataSync(), batch.numSamples);
    });
  }

  predictBatch(inputs: TypedArray, numSamples: number): Float32Array {
    const { step } = this.#ready();
    return guardEngine("a prediction", () =>
      this.#tf.tidy(() => {
        const tensor = this.#toTensor(inputs, step.options.inputs, numSamples);
        const outputs = step.model.apply(tensor, { training: false }) as Tensor;
        return Float32Array.from(outputs.dataSync());
      }),
    );
  }

  readState(): EngineState {
    const { step, optimizer, numUpdates } = this.#ready();
    const model = copyTensors(modelTargets(step.variables));
    const slots = copyTensors([...optimizer.slots].map(([name, tensor]) => ({ name, tensor })));
    // What the optimizer keeps beside tensors: the step of its bias correction.
    return {
      model,
      optimizer: slots,
      optimizerScalars: slotsOf(step.options.optimizer).length > 0 ? { t: numUpdates } : {},
    };
  }

  loadState(state: EngineState): void {
    const prepared = this.#ready();
    const { step, optimizer } = prepared;
    restoreTensors(this.#tf, modelTargets(step.variables), state.model, "model");
    const slots = [...optimizer.slots].map(([name, tensor]) => ({
      name,
      tensor,
      assign: (value: Tensor) => optimizer.setSlot(name, value),
    }));
    restoreTensors(this.#tf, slots, state.optimizer, "optimizer");
    prepared.numUpdates = state.optimizerScalars.t ?? 0;
  }

  explain(): StepExplanation {
    throw new AnnealError(
      "USAGE",
      "the eager engine has no graph to explain: it runs op by op",
      'Explain the recipe with engine: "compiled".',
    );
  }

  dispose(): void {
    const prepared = this.#prepared;
    if (prepared === null) return;
    this.#prepared = null;
    prepared.optimizer.dispose();
    prepared.random.uninstall();
    for (const { variable } of prepared.step.variables) if (!variable.isDisposed) variable.dispose();
  }

  /** Runs a batch of zeros forward and backward: what does not fit is found before step 1, and nothing is changed. */
  #rehearse({ step, random }: Prepared): readonly number[] {
    const { batchSize, inputs, labels, recipe, recipePath } = step.options;
    const before = copyTensors(modelTargets(step.variables));
    random.beginStep(0);
    const outputShape = guardRecipe("the model", recipePath, () =>
      this.#tf.tidy(() => {
        const x = this.#tf.zeros([batchSize, ...inputs.shape], tfjsDtype(inputs));
        const y = this.#tf.zeros([batchSize, ...labels.shape], tfjsDtype(labels));
        return checkFit(this.#tf, step, x, y);
      }),
    );
    // A forward pass in training mode moves the averages of batch normalisation.
    restoreTensors(this.#tf, modelTargets(step.variables), before, `the weights of ${recipe.name}`);
    return outputShape;
  }

  #withBatch<T>({ step: { options } }: Prepared, batch: Batch, run: (inputs: Tensor, labels: Tensor) => T): T {
    let result: { readonly value: T } | undefined;
    return guardEngine("a step", () => {
      this.#tf.tidy(() => {
        const inputs = this.#toTensor(batch.inputs, options.inputs, batch.numSamples);
        const labels = this.#toTensor(batch.labels, options.labels, batch.numSamples);
        result = { value: run(inputs, labels) };
      });
      return result!.value;
    });
  }

  #toTensor(values: TypedArray, field: FieldSpec, numSamples: number): Tensor {
    const shape = [numSamples, ...field.shape];
    const { buffer, byteOffset } = values;
    checkBatch(values, field, numSamples);
    if (buffer instanceof SharedArrayBuffer) {
      return createSharedTensor(this.#tf, { buffer, byteOffset, shape, dtype: field.dtype });
    }
    return this.#tf.tensor(field.dtype === "uint8" ? Float32Array.from(values) : values, shape, tfjsDtype(field));
  }

  #ready(): Prepared {
    if (this.#prepared === null) throw new Error("the engine was not prepared");
    return this.#prepared;
  }
}

interface Prepared {
  readonly step: RecipeStep;
  readonly random: SeededRandom;
  readonly optimizer: EagerOptimizer;
  numUpdates: number;
}

/** uint8 enters a model as float32 (0..255): TensorFlow.js has no bytes. */
function tfjsDtype(field: FieldSpec): "float32" | "int32" {
  return field.dtype === "int32" ? "int32" : "float32";
}
