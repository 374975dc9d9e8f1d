import { type RunSpec, type RunSpecInput, runSpecSchema, type Threads } from "@anneal/contracts";
import { type FeedPlan, openDataset, stepsPerEpoch, trainingPlan } from "@anneal/data";
import { builtInRecipes } from "@anneal/recipes";
import { defaultThreads, loadRecipe, parseParameters, type Recipe } from "@anneal/training";

/** The recipe that every bench trains. */
export const mnistPath = builtInRecipes.mnist as string;

/** The threads that a run gets by default: the same for every peer. */
export const machineThreads: Threads = defaultThreads();

/** A run's spec with its threads pinned. Checkpoints within an epoch are off unless asked for. */
export function mnistSpec(spec: Omit<RunSpecInput, "recipe">): RunSpec {
  return runSpecSchema.parse({
    recipe: { name: "mnist", path: mnistPath },
    threads: machineThreads,
    checkpoint: { everyMs: 86_400_000 },
    ...spec,
  });
}

/** The recipe with its data opened, as a trainer does it. */
export interface OpenMnist {
  readonly recipe: Recipe;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly plan: FeedPlan;
  readonly stepsPerEpoch: number;
}

export async function openMnist(spec: RunSpec): Promise<OpenMnist> {
  const recipe = await loadRecipe(mnistPath);
  const parameters = parseParameters(recipe, spec.parameters);
  const { epochs, batchSize } = recipe.training({ parameters });
  const data = await recipe.data({ parameters, recipeDir: "/", seed: spec.seed });
  const plan = trainingPlan({
    train: await openDataset(data.train),
    validation: null,
    batchSize,
    seed: spec.seed,
    epochs,
  });
  return { recipe, parameters, plan, stepsPerEpoch: stepsPerEpoch(plan) };
}
