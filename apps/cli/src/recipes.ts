import { AnnealError, type Json, type RunSpec, runSpecSchema } from "@anneal/contracts";
import { resolvePolicy } from "@anneal/policy";
import { registerRecipeResolution, requestedDevice } from "@anneal/runtime";
import type { ParameterDescription, Recipe } from "@anneal/training";
import { parseDurationMs } from "./options.ts";

/** A recipe as the command line knows it. */
export interface KnownRecipe {
  /** Absolute path of its file. */
  readonly path: string;
  readonly recipe: Recipe;
  readonly parameters: readonly ParameterDescription[];
}

/** Flags that every training has, whatever its recipe. */
export interface SpecOptions {
  readonly maxSteps?: string;
  readonly seed?: string;
  readonly precision?: string;
  readonly threads?: string;
  readonly checkpointEvery?: string;
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
 * @throws AnnealError PARAMETER_INVALID, POLICY_UNSUPPORTED
 */
export async function buildSpec(
  { path, recipe }: KnownRecipe,
  given: Readonly<Record<string, unknown>>,
  options: SpecOptions,
): Promise<RunSpec> {
  const { parseParameters } = await import("@anneal/training");
  const parsed = parseParameters(recipe, given);
  const spec = runSpecSchema.safeParse({
    recipe: { name: recipe.name, path },
    parameters: asJson(parsed),
    ...defined({
      seed: asNumber(options.seed),
      maxSteps: asNumber(options.maxSteps),
      policy: options.precision && { precision: options.precision },
      threads: options.threads === undefined ? undefined : parseThreads(options.threads),
      checkpoint: options.checkpointEvery && {
        everyMs: parseDurationMs(options.checkpointEvery, "--checkpoint-every"),
      },
    }),
  });
  if (!spec.success) {
    const problems = spec.error.issues.map(({ path: field, message }) => `${field.join(".")}: ${message}`);
    throw new AnnealError("PARAMETER_INVALID", problems.join("; "), "Correct the flag; --help shows what it takes.", {
      problems: problems.join("; "),
    });
  }
  resolvePolicy(spec.data.policy, { device: requestedDevice() });
  return spec.data;
}

/** `4`: four intra-op threads and one inter-op; `4,2`: both. */
function parseThreads(text: string): { intraOp: number; interOp: number } {
  const [intraOp, interOp = "1"] = text.split(",");
  return { intraOp: Number(intraOp), interOp: Number(interOp) };
}

function asNumber(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text);
}

/** Parameters travel through the workflow's history: what JSON cannot hold does not. */
function asJson(value: Readonly<Record<string, unknown>>): Record<string, Json> {
  return JSON.parse(JSON.stringify(value)) as Record<string, Json>;
}

function defined<T extends object>(fields: T): Partial<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<T>;
}
