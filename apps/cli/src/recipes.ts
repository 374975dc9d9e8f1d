import { type Json, type RunSpec, runSpecSchema } from "@anneal/contracts";
import { checkPolicy } from "@anneal/policy";
import { registerRecipeResolution } from "@anneal/runtime";
import type { ParameterDescription, Recipe } from "@anneal/training";
import { type GivenSettings, parseSettings } from "./run-settings.ts";

/** A recipe as the command line knows it. */
export interface KnownRecipe {
  /** Absolute path of its file. */
  readonly path: string;
  readonly recipe: Recipe;
  readonly parameters: readonly ParameterDescription[];
}

/**
 * Loads a recipe by its name or its file. TensorFlow.js comes with it, so only the commands that need it call this.
 *
 * @throws AnnealError RECIPE_NOT_FOUND, RECIPE_INVALID, RECIPE_THREW
 */
export async function openRecipe(nameOrPath: string): Promise<KnownRecipe> {
  registerRecipeResolution();
  const [{ builtInRecipes }, { describeParameters, loadRecipe, resolveRecipe }] = await Promise.all([
    import("@anneal/recipes"),
    import("@anneal/training"),
  ]);
  const path = await resolveRecipe(nameOrPath, { builtIn: builtInRecipes });
  const recipe = await loadRecipe(path);
  return { path, recipe, parameters: describeParameters(recipe) };
}

/**
 * Everything that defines a run, checked before anything is started.
 *
 * @param given the recipe's parameters as strings, by name
 * @param settings the run's own flags as strings, by flag
 * @throws AnnealError PARAMETER_INVALID, POLICY_UNSUPPORTED
 */
export async function buildSpec(
  { path, recipe }: KnownRecipe,
  given: Readonly<Record<string, unknown>>,
  settings: GivenSettings,
): Promise<RunSpec> {
  const { parseParameters } = await import("@anneal/training");
  const spec = runSpecSchema.parse({
    recipe: { name: recipe.name, path },
    parameters: asJson(parseParameters(recipe, given)),
    ...(await parseSettings(settings)),
  });
  checkPolicy(spec);
  return spec;
}

/** Parameters travel through the workflow's history: what JSON cannot hold does not. */
function asJson(value: Readonly<Record<string, unknown>>): Record<string, Json> {
  return JSON.parse(JSON.stringify(value)) as Record<string, Json>;
}
