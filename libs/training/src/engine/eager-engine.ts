import { AnnealError } from "@anneal/contracts";
import { type FieldSpec, numElements, type TypedArray } from "@anneal/data";
import { createSharedTensor, installSeededRandom, type SeededRandom, type Tfjs } from "@anneal/runtime";
import type { Tensor, Variable } from "@tensorflow/tfjs";
import { EagerOptimizer, slotsOf } from "../optimizers/eager-optimizer.ts";
import type { Model } from "../recipe/define.ts";
import { guardRecipe } from "../recipe/guard.ts";
import { type LossFunction, resolveLoss } from "../recipe/losses.ts";
import type { Metric } from "../recipe/metrics.ts";
import { modelContext } from "../recipe/model-context.ts";
import { engineFailure } from "./failures.ts";
import { checkModelInputs, checkOutputs, checkReported } from "./fit-check.ts";
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
import { isLayersModel, modelTargets, type NamedVariable, namedVariables } from "./variables.ts";

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
    const random = installSeededRandom(this.#tf, { seed: options.seed });
    random.beginInit();
    const model = guardRecipe("model()", options.recipePath, () => options.recipe.model(modelContext(options)));
    checkModelInputs(model, options);
    const variables = namedVariables(model);
    const trained = variables.filter(({ trainable }) => trainable);
    if (trained.length === 0) {
      throw new AnnealError("RECIPE_INVALID", "the model has nothing to train", "Leave at least one layer trainable.");
    }
    const optimizer = new EagerOptimizer(this.#tf, options.optimizer, trained);
    const prepared: Prepared = {
      options,
      random,
      model,
      variables,
      trained: trained.map(({ variable }) => variable),
      optimizer,
      loss: resolveLoss(options.recipe.loss),
      metrics: Object.entries(options.recipe.metrics ?? {}),
      numUpdates: 0,
    };
    this.#prepared = prepared;
    if (options.initialWeights) restoreTensors(this.#tf, modelTargets(variables), options.initialWeights, "model");
    const outputShape = this.#rehearse(prepared);
    return { numParameters: variables.reduce((sum, { variable }) => sum + variable.size, 0), outputShape };
  }

  trainBatch(batch: Batch, { step, learningRate }: StepScalars): BatchSums {
    const prepared = this.#ready();
    prepared.random.beginStep(step);
    return this.#withBatch(prepared, batch, (inputs, labels) => {
      const { gradients, values } = this.#differentiate(prepared, inputs, labels);
      const sums = toSums(prepared, values, batch.numSamples);
      if (!Number.isFinite(sums.sums.loss)) throw notFinite(step, (sums.sums.loss ?? 0) / batch.numSamples);
      prepared.numUpdates += 1;
      prepared.optimizer.apply(gradients, { learningRate, t: prepared.numUpdates });
      return sums;
    });
  }

  evaluateBatch(batch: Batch, step: number): BatchSums {
    const prepared = this.#ready();
    prepared.random.beginStep(step);
    return this.#withBatch(prepared, batch, (inputs, labels) => {
      const outputs = this.#forward(prepared, inputs, labels.shape, false);
      const values = this.#report(prepared, prepared.loss(labels, outputs), labels, outputs);
      return toSums(prepared, values.dataSync(), batch.numSamples);
    });
  }

  predictBatch(inputs: TypedArray, numSamples: number): Float32Array {
    const prepared = this.#ready();
    const { options } = prepared;
    return this.#guard("a prediction", () =>
      this.#tf.tidy(() => {
        const tensor = this.#toTensor(inputs, options.inputs, numSamples);
        const outputs = prepared.model.apply(tensor, { training: false }) as Tensor;
        return Float32Array.from(outputs.dataSync());
      }),
    );
  }

  readState(): EngineState {
    const { variables, optimizer, options, numUpdates } = this.#ready();
    const model = copyTensors(modelTargets(variables));
    const slots = copyTensors([...optimizer.slots].map(([name, tensor]) => ({ name, tensor })));
    // What the optimizer keeps beside tensors: the step of its bias correction.
    return {
      model,
      optimizer: slots,
      optimizerScalars: slotsOf(options.optimizer).length > 0 ? { t: numUpdates } : {},
    };
  }

  loadState(state: EngineState): void {
    const prepared = this.#ready();
    const { variables, optimizer } = prepared;
    restoreTensors(this.#tf, modelTargets(variables), state.model, "model");
    const slots = [...optimizer.slots].map(([name, tensor]) => ({
      name,
      tensor,
      assign: (value: Tensor) => optimizer.setSlot(name, value),
    }));
    restoreTensors(this.#tf, slots, state.optimizer, "optimizer");
    prepared.numUpdates = state.optimizerScalars.t ?? 0;
  }

  dispose(): void {
    const prepared = this.#prepared;
    if (prepared === null) return;
    this.#prepared = null;
    prepared.optimizer.dispose();
    prepared.random.uninstall();
    for (const { variable } of prepared.variables) if (!variable.isDisposed) variable.dispose();
  }

  /** Runs a batch of zeros forward and backward: what does not fit is found before step 1, and nothing is changed. */
  #rehearse(prepared: Prepared): readonly number[] {
    const { options, variables, random } = prepared;
    const { batchSize, inputs, labels, recipe, recipePath } = options;
    const before = copyTensors(modelTargets(variables));
    random.beginStep(0);
    const outputShape = guardRecipe("the model", recipePath, () =>
      this.#tf.tidy(() => {
        const x = this.#tf.zeros([batchSize, ...inputs.shape], tfjsDtype(inputs));
        const y = this.#tf.zeros([batchSize, ...labels.shape], labels.dtype === "float32" ? "float32" : "int32");
        const outputs = this.#forward(prepared, x, y.shape, false);
        checkOutputs(outputs, batchSize, options);
        const loss = guardRecipe("loss()", recipePath, () => prepared.loss(y, outputs));
        checkReported("loss()", loss, batchSize, false);
        for (const [name, metric] of prepared.metrics) {
          const what = `metrics.${name}`;
          checkReported(
            what,
            guardRecipe(what, recipePath, () => metric.compute(y, outputs)),
            batchSize,
            true,
          );
        }
        this.#differentiate(prepared, x, y);
        return outputs.shape.slice(1);
      }),
    );
    // A forward pass in training mode moves the averages of batch normalisation.
    restoreTensors(this.#tf, modelTargets(variables), before, `the weights of ${recipe.name}`);
    return outputShape;
  }

  /** Sums of loss and metrics as one small array, and the gradients by TensorFlow.js's name of the variable. Within a tidy. */
  #differentiate(prepared: Prepared, inputs: Tensor, labels: Tensor) {
    let report: Tensor | undefined;
    const { grads } = this.#tf.variableGrads(() => {
      const outputs = this.#forward(prepared, inputs, labels.shape, true);
      const loss = prepared.loss(labels, outputs);
      report = this.#tf.keep(this.#report(prepared, loss, labels, outputs));
      return this.#tf.add(loss, this.#regularization(prepared.model)).asScalar();
    }, prepared.trained as Variable[]);
    const values = report!.dataSync();
    report!.dispose();
    return { gradients: grads, values };
  }

  #forward(prepared: Prepared, inputs: Tensor, labelShape: readonly number[], training: boolean): Tensor {
    const outputs = prepared.model.apply(inputs, { training }) as Tensor;
    // `dense({units: 1})` against scalar labels: without this, subtraction would broadcast to [batch, batch].
    const isColumn = outputs.rank === labelShape.length + 1 && outputs.shape.at(-1) === 1;
    return isColumn && prepared.options.recipe.loss !== "softmaxCrossEntropy" ? outputs.squeeze([-1]) : outputs;
  }

  /** Penalties that layers declare (`kernelRegularizer`): trained on, but not part of the loss that is reported. */
  #regularization(model: Model): Tensor {
    if (!isLayersModel(model)) return this.#tf.scalar(0);
    // Protected by its type only.
    const losses = (model as unknown as { calculateLosses(): Tensor[] }).calculateLosses();
    return losses.length === 0 ? this.#tf.scalar(0) : this.#tf.addN(losses);
  }

  #report({ metrics }: Prepared, loss: Tensor, labels: Tensor, outputs: Tensor): Tensor {
    // Per-sample values are summed here: a mean times the number of samples would round.
    const sums = metrics.map(([, metric]) => {
      const values = metric.compute(labels, outputs).toFloat();
      return values.rank === 0 ? values.mul(outputs.shape[0]!) : values.sum();
    });
    return this.#tf.stack([loss.mul(outputs.shape[0]!).asScalar(), ...sums]);
  }

  #withBatch<T>({ options }: Prepared, batch: Batch, run: (inputs: Tensor, labels: Tensor) => T): T {
    let result: { readonly value: T } | undefined;
    return this.#guard("a step", () => {
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
    if (values.length !== numSamples * numElements(field.shape)) {
      throw new RangeError(
        `a batch of ${numSamples} samples must have ${numSamples * numElements(field.shape)} values`,
      );
    }
    if (buffer instanceof SharedArrayBuffer) {
      return createSharedTensor(this.#tf, { buffer, byteOffset, shape, dtype: field.dtype });
    }
    return this.#tf.tensor(field.dtype === "uint8" ? Float32Array.from(values) : values, shape, tfjsDtype(field));
  }

  #guard<T>(where: string, run: () => T): T {
    try {
      return run();
    } catch (cause) {
      throw engineFailure(where, cause);
    }
  }

  #ready(): Prepared {
    if (this.#prepared === null) throw new Error("the engine was not prepared");
    return this.#prepared;
  }
}

interface Prepared {
  readonly options: EngineOptions;
  readonly random: SeededRandom;
  readonly model: Model;
  readonly variables: readonly NamedVariable[];
  readonly trained: readonly Variable[];
  readonly optimizer: EagerOptimizer;
  readonly loss: LossFunction;
  readonly metrics: readonly (readonly [string, Metric])[];
  numUpdates: number;
}

/** uint8 enters a model as float32 (0..255): TensorFlow.js has no bytes. */
function tfjsDtype(field: FieldSpec): "float32" | "int32" {
  return field.dtype === "int32" ? "int32" : "float32";
}

function toSums({ metrics }: Prepared, values: ArrayLike<number>, numSamples: number): BatchSums {
  const names = ["loss", ...metrics.map(([name]) => name)];
  return { numSamples, sums: Object.fromEntries(names.map((name, index) => [name, values[index] ?? Number.NaN])) };
}

function notFinite(step: number, loss: number): AnnealError {
  return new AnnealError(
    "LOSS_NOT_FINITE",
    `the loss of step ${step + 1} is ${loss}`,
    "Lower the learning rate, clip the gradients (clipNorm), or look for values in the data that are not finite.",
    { step: step + 1, loss: String(loss) },
  );
}
