export { createEngine } from "./engine/create-engine.ts";
export { EagerEngine } from "./engine/eager-engine.ts";
export { openPeakPredictor } from "./engine/predict-peak.ts";
export type {
  Batch,
  BatchSums,
  EngineOptions,
  EngineState,
  PreparedEngine,
  StepEngine,
  StepScalars,
} from "./engine/step-engine.ts";
export { explainRecipe } from "./inference/explain.ts";
export {
  evaluateCheckpoint,
  exportCheckpoint,
  type LoadedModel,
  loadModel,
  predictWithCheckpoint,
} from "./inference/inference.ts";
export { constant, cosine, type Schedule, warmup } from "./optimizers/schedules.ts";
export {
  type AdamOptions,
  type AdamWOptions,
  adam,
  adamW,
  type OptimizerSpec,
  type SgdOptions,
  sgd,
} from "./optimizers/specs.ts";
export {
  type DataContext,
  defineRecipe,
  type EarlyStopping,
  type FunctionModel,
  functionModel,
  type Model,
  type ModelContext,
  type OptimizerContext,
  type ParameterSchema,
  type Recipe,
  type RecipeData,
  type RecipeDefinition,
  type TrainingOptions,
} from "./recipe/define.ts";
export { loadRecipe, type ResolveOptions, resolveRecipe } from "./recipe/load.ts";
export type { Loss, LossFunction, LossName } from "./recipe/losses.ts";
export { accuracy, binaryAccuracy, type Metric, meanAbsoluteError } from "./recipe/metrics.ts";
export { describeParameters, type ParameterDescription, parseParameters } from "./recipe/parameters.ts";
export { type RecipeSnapshot, recipeDigest, snapshotRecipe } from "./recipe/snapshot.ts";
export { type SpawnOptions, spawnTrainer, TrainerClient } from "./trainer/client.ts";
export { defaultThreads } from "./trainer/setup.ts";
