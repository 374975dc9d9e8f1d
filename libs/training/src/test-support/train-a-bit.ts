import { prepareModel } from "@anneal/export";
import type { StepEngine } from "../engine/step-engine.ts";
import { weightsOf } from "../export/model-weights.ts";
import { adam } from "../optimizers/specs.ts";
import { tinyOptions, tinyRecipe } from "./tiny.ts";
import { batchFor, type WholeModel } from "./whole-model.ts";

type PredictModel = ReturnType<typeof prepareModel>;

/** The model with weights away from the initial ones, of which some are zeros and ones. */
export function trainABit(engine: StepEngine, whole: WholeModel): PredictModel {
  const { inputs, labels, numClasses, loss, model } = whole;
  const recipe = tinyRecipe({ model, loss, metrics: {} });
  const optimizer = adam({ learningRate: 0.05 });
  engine.prepare(tinyOptions({ recipe, inputs, labels, numClasses, optimizer, batchSize: 6 }));
  for (let step = 0; step < 5; step++) engine.trainBatch(batchFor(whole, step, 6), { step, learningRate: 0.05 });
  return prepareModel({
    trace: (numSamples) => engine.tracePredict(numSamples),
    weights: weightsOf(engine.readState().model),
  });
}
