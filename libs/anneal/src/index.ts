/**
 * The public API: what a recipe imports, and what a program that uses trained models imports.
 *
 * @packageDocumentation
 */
export { AnnealError, type ErrorCode } from "@anneal/contracts";
export {
  arrays,
  Dataset,
  type FieldSpec,
  fashionMnist,
  idx,
  mnist,
  mobyDick,
  normalise,
  type RandomStream,
  rotate,
  rotateAndShift,
  shift,
  type Transform,
  type TransformFactory,
  type TransformReference,
  type TypedArray,
  textWindows,
  transform,
} from "@anneal/data";
export {
  accuracy,
  adam,
  adamW,
  binaryAccuracy,
  constant,
  cosine,
  type DataContext,
  defineRecipe,
  type EarlyStopping,
  evaluateCheckpoint,
  type FunctionModel,
  functionModel,
  type LoadedModel,
  type Loss,
  type LossFunction,
  loadModel,
  type Metric,
  type Model,
  type ModelContext,
  meanAbsoluteError,
  type OptimizerContext,
  type OptimizerSpec,
  predictWithCheckpoint,
  type Recipe,
  type RecipeData,
  type RecipeDefinition,
  type Schedule,
  sgd,
  type TrainingOptions,
  warmup,
} from "@anneal/training";
/** The schema library of recipes' parameters: the copy that Anneal itself uses. */
export { z } from "zod";
