import { builtInRecipes } from "@anneal/recipes";
import { loadRecipe, parseParameters } from "@anneal/training";
import type { LayersModel } from "@tensorflow/tfjs";
import type { Workload, WorkloadName } from "../workloads.ts";
import { cnn } from "./cnn.ts";
import { deepconv } from "./deepconv.ts";
import { lstm } from "./lstm.ts";
import { mlp } from "./mlp.ts";

/**
 * Builds a workload's model with its initial weights: outputs are logits. Layers are named, and the Python peers have
 * layers and weights of the same names.
 */
export type BuildModel = (workload: Workload) => LayersModel;

/** The model of a recipe that comes with Anneal, for the workload's data. */
async function ofRecipe(name: string, parameters: Readonly<Record<string, unknown>>): Promise<BuildModel> {
  const recipe = await loadRecipe(builtInRecipes[name] as string);
  const parsed = parseParameters(recipe, parameters);
  return ({ inputs, numClasses }) =>
    recipe.model({ parameters: parsed, inputShape: [...inputs.shape], numClasses }) as LayersModel;
}

export const models: Readonly<Record<WorkloadName, BuildModel>> = {
  mlp,
  cnn,
  resnet: await ofRecipe("resnet20", { width: 16 }),
  transformer: await ofRecipe("chars", { width: 256, numLayers: 4, numHeads: 8 }),
  lstm,
  deepconv,
};
