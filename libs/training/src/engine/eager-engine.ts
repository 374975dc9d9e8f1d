import { AnnealError, type StepExplanation } from "@anneal/contracts";
import type { FieldSpec, TypedArray } from "@anneal/data";
import type { TracedFunction } from "@anneal/export";
import {
  createSharedTensor,
  installSeededRandom,
  type SeededRandom,
  type Tfjs,
  tensorAlignmentBytes,
} from "@anneal/runtime";
import type { Tensor } from "@tensorflow/tfjs";
import { addBatch, emptyAccumulator } from "../loop/bookkeeping.ts";
import { EagerOptimizer, slotsOf } from "../optimizers/eager-optimizer.ts";
import { guardRecipe } from "../recipe/guard.ts";
import { guardEngine } from "./failures.ts";
import { type GivenOutputs, judgeOutputs } from "./judge-outputs.ts";
import {
  buildRecipeStep,
  checkBatch,
  checkFit,
  differentiate,
  evaluate,
  numParametersOf,
  type RecipeStep,
  toSums,
  toTrained,
} from "./recipe-step.ts";
import { partsOf } from "./step-calls.ts";
import {
  type Batch,
  type BatchSums,
  type EngineOptions,
  type EngineState,
  type PreparedEngine,
  type RecordedSteps,
  type StepEngine,
  type StepScalars,
  scalesLoss,
  type TrainedSums,
} from "./step-engine.ts";
import { copyTensors, restoreTensors } from "./tensor-copies.ts";
import { tracePredict } from "./trace-predict.ts";
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
    refuse(this.name, ["precision", "layerPrecision", "recomputeSegments"], options);
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
      scalesLoss: scalesLoss(options),
    };
  }

  trainBatch(batch: Batch, scalars: StepScalars): TrainedSums {
    const prepared = this.#ready();
    const { options } = prepared.step;
    const lossScale = scalesLoss(options) ? (scalars.lossScale ?? 1) : 1;
    const parts = partsOf(options, batch);
    return this.#tidy(() => {
      const reports: Tensor[] = [];
      let summed: ReadonlyMap<string, Tensor> = new Map();
      for (const [index, part] of parts.entries()) {
        prepared.random.beginStep(scalars.step, index);
        const factor = (part.numSamples / batch.numSamples) * lossScale;
        const { report, gradients } = this.#differentiate(prepared, part, factor, summed);
        reports.push(report);
        summed = gradients;
      }
      const unscaled = lossScale === 1 ? summed : mapValues(summed, (gradient) => gradient.div(lossScale));
      const scale = this.#tf.addN([...unscaled.values()].map((gradient) => gradient.square().sum()));
      // Read as one array: each read waits for TensorFlow.
      const values = this.#tf.concat([...reports, scale.reshape([1])]).dataSync();
      const width = reports[0]!.size;
      const sums = parts.map(({ numSamples }, index) =>
        toSums(prepared.step, values.subarray(index * width, (index + 1) * width), numSamples),
      );
      const trained = toTrained(sums.reduce(addBatch, emptyAccumulator), values.at(-1)!, scalars);
      if (trained.isSkipped) return trained;
      prepared.numUpdates += 1;
      prepared.optimizer.apply(unscaled, { learningRate: scalars.learningRate, t: prepared.numUpdates });
      return trained;
    });
  }

  trainBatches(batches: readonly Batch[], scalars: readonly StepScalars[]): readonly TrainedSums[] {
    return batches.map((batch, index) => this.trainBatch(batch, scalars[index]!));
  }

  recordBatches(batches: readonly Batch[], scalars: readonly StepScalars[]): RecordedSteps {
    return { sums: this.trainBatches(batches, scalars), recording: null };
  }

  float32Loss(): null {
    return null;
  }

  evaluateBatch(batch: Batch, step: number): BatchSums {
    const prepared = this.#ready();
    const sums = partsOf(prepared.step.options, batch).map((part, index) => {
      prepared.random.beginStep(step, index);
      return this.#tidy(() => {
        const { report } = evaluate(this.#tf, prepared.step, ...this.#tensorsOf(prepared, part));
        return toSums(prepared.step, report.dataSync(), part.numSamples);
      });
    });
    return sums.reduce(addBatch, emptyAccumulator);
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

  tracePredict(numSamples: number): TracedFunction {
    const { step, random } = this.#ready();
    return guardEngine("a trace", () => tracePredict(this.#tf, step, random, numSamples));
  }

  judgeOutputs(given: GivenOutputs): BatchSums {
    const { step } = this.#ready();
    return guardEngine("metrics", () => judgeOutputs(this.#tf, step, given));
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
        return [...checkFit(this.#tf, step, x, y).outputShape];
      }),
    );
    // A forward pass in training mode moves the averages of batch normalisation.
    restoreTensors(this.#tf, modelTargets(step.variables), before, `the weights of ${recipe.name}`);
    return outputShape;
  }

  /** The report of a part of a batch, and its gradients times `factor` added to others. */
  #differentiate(prepared: Prepared, part: Batch, factor: number, others: ReadonlyMap<string, Tensor>) {
    const tf = this.#tf;
    let names: readonly string[] = [];
    // What the part has used is given back before the next one.
    const [report, ...gradients] = tf.tidy(() => {
      const [inputs, labels] = this.#tensorsOf(prepared, part);
      const traced = differentiate(tf, prepared.step, inputs, labels, factor === 1 ? null : tf.scalar(factor));
      names = [...traced.gradients.keys()];
      const copy = traced.report.clone();
      tf.dispose([traced.report, traced.loss]);
      return [copy, ...[...traced.gradients].map(([name, gradient]) => others.get(name)?.add(gradient) ?? gradient)];
    }) as [Tensor, ...Tensor[]];
    tf.dispose([...others.values()]);
    return { report, gradients: new Map(names.map((name, index) => [name, gradients[index]!])) };
  }

  /** Runs something whose tensors are given back. */
  #tidy<T>(run: () => T): T {
    return guardEngine("a step", () => {
      let result: { readonly value: T } | undefined;
      this.#tf.tidy(() => {
        result = { value: run() };
      });
      return result!.value;
    });
  }

  #tensorsOf({ step: { options } }: Prepared, { inputs, labels, numSamples }: Batch): [Tensor, Tensor] {
    return [this.#toTensor(inputs, options.inputs, numSamples), this.#toTensor(labels, options.labels, numSamples)];
  }

  #toTensor(values: TypedArray, field: FieldSpec, numSamples: number): Tensor {
    const shape = [numSamples, ...field.shape];
    const { buffer, byteOffset } = values;
    checkBatch(values, field, numSamples);
    // A part of a batch begins anywhere in the batch's memory: TensorFlow copies it then.
    if (buffer instanceof SharedArrayBuffer && byteOffset % tensorAlignmentBytes === 0) {
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

function mapValues<V, W>(map: ReadonlyMap<string, V>, to: (value: V) => W): ReadonlyMap<string, W> {
  return new Map([...map].map(([name, value]) => [name, to(value)]));
}
