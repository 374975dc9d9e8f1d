import { availableParallelism, freemem } from "node:os";
import { isAbsolute, join } from "node:path";
import { type NamedTensor, openCheckpointStore } from "@anneal/checkpoint";
import {
  AnnealError,
  type MetricDirection,
  type RunSpec,
  type Threads,
  type TopicBounds,
  type TrainingPlan,
  toAnnealError,
} from "@anneal/contracts";
import {
  type Dataset,
  type FeedPlan,
  type Fitted,
  itemOfStep,
  itemsPerEpoch,
  type OpenDataset,
  openDataset,
  softenLabels,
  stepsPerEpoch,
  topicOf,
  trainingPlan,
} from "@anneal/data";
import { checkPolicy, resolveBudget } from "@anneal/policy";
import { cacheDirectory, fingerprint, grantedMemory, requestedDevice } from "@anneal/runtime";
import type { MonitorRules } from "../loop/bookkeeping.ts";
import type { Recipe, RecipeData } from "../recipe/define.ts";
import { guardRecipe } from "../recipe/guard.ts";
import { loadRecipe } from "../recipe/load.ts";
import { parseParameters } from "../recipe/parameters.ts";
import { type ResolvedTraining, validateTraining } from "../recipe/validate.ts";
import type { RecipeSource } from "./recipe-source.ts";
import { log } from "./training-feed.ts";

export interface Datasets {
  readonly train: OpenDataset;
  readonly validation: OpenDataset | null;
  readonly test: OpenDataset | null;
}

/** A run's recipe, loaded and checked, with everything that follows from it without TensorFlow. */
export interface Setup {
  readonly recipe: Recipe;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly training: ResolvedTraining;
  readonly datasets: Datasets;
  readonly feed: FeedPlan;
  readonly rules: MonitorRules;
  readonly optimizerName: string;
  readonly initialWeights: readonly NamedTensor[] | null;
  /** Items of the feed until the last step, its epoch's validation included. */
  readonly numItems: number;
  /** The plan but for what only the engine knows. */
  readonly plan: Omit<TrainingPlan, "numParameters" | "lowering">;
}

/**
 * Loads a recipe's snapshot and opens its data. What a recorded plan says was decided is not decided anew, and what is `fitted` is not
 * learned anew; nor are the bounds of `topics`, where they are known.
 *
 * @throws AnnealError with the recipe's own paths: RECIPE_*, PARAMETER_INVALID, POLICY_UNSUPPORTED, DATASET_*, …
 */
export async function setUp(
  spec: RunSpec,
  source: RecipeSource,
  threads: Threads,
  recorded: TrainingPlan | null,
  fitted: Fitted,
  topics: TrainingPlan["topics"],
): Promise<Setup> {
  try {
    return await setUpSnapshot(spec, source, threads, recorded, fitted, topics);
  } catch (cause) {
    throw source.relocate(toAnnealError(cause));
  }
}

async function setUpSnapshot(
  spec: RunSpec,
  source: RecipeSource,
  threads: Threads,
  recorded: TrainingPlan | null,
  fitted: Fitted,
  topics: TrainingPlan["topics"],
): Promise<Setup> {
  const { entry, recipeDir } = source;
  const { seed } = spec;
  const device = requestedDevice();
  checkPolicy(spec);
  const recipe = await loadRecipe(entry);
  const parameters = parseParameters(recipe, spec.parameters);
  const ask = <T>(what: string, run: () => T | Promise<T>): Promise<T> => guardRecipe(what, entry, async () => run());
  const training = validateTraining(await ask("training()", () => recipe.training({ parameters })));
  const data = await ask("data()", () => recipe.data({ parameters, recipeDir, seed }));
  const datasets = await openAll(data, spec, source, fitted, topics ?? {});
  const numSamples = {
    numTrainSamples: datasets.train.numSamples,
    numValidationSamples: datasets.validation?.numSamples ?? 0,
    numTestSamples: datasets.test?.numSamples ?? 0,
  };
  if (recorded !== null) requireSameLengths(recorded, numSamples);
  const { batchSize, epochs } = recorded ?? training;
  const feed = trainingPlan({ train: datasets.train, validation: datasets.validation, batchSize, seed, epochs });
  const numEpochSteps = stepsPerEpoch(feed);
  const totalSteps =
    recorded?.totalSteps ?? Math.min(epochs * numEpochSteps, spec.maxSteps ?? Number.POSITIVE_INFINITY);
  const optimizer = await ask("optimizer()", () =>
    recipe.optimizer({ parameters, totalSteps, stepsPerEpoch: numEpochSteps }),
  );
  const monitor = recorded?.monitor ?? resolveMonitor(recipe, training, datasets.validation !== null);
  return {
    recipe,
    parameters,
    training,
    datasets,
    feed,
    rules: { ...monitor, earlyStopping: training.earlyStopping },
    optimizerName: optimizer.name,
    initialWeights: await readInitialWeights(training.initialWeights, recipeDir),
    numItems:
      totalSteps % numEpochSteps === 0
        ? (totalSteps / numEpochSteps) * itemsPerEpoch(feed)
        : itemOfStep(feed, totalSteps - 1) + 1,
    plan: {
      recipeName: recipe.name,
      recipeDigest: source.digest,
      ...(training.exports.length > 0 && { exports: training.exports }),
      // As JSON has them: the plan is part of the workflow's history.
      parameters: JSON.parse(JSON.stringify(parameters)) as Record<string, unknown>,
      ...numSamples,
      batchSize,
      epochs,
      stepsPerEpoch: numEpochSteps,
      totalSteps,
      monitor,
      threads,
      ...topicsOf(datasets),
      ...windowsOf(datasets.train),
      fingerprint: {
        ...fingerprint({ engine: spec.engine, policy: spec.policy, threads, device }),
        "data.train": datasets.train.digest,
        "data.validation": datasets.validation?.digest ?? null,
        "data.test": datasets.test?.digest ?? null,
      },
    },
  };
}

/** The threads a run computes with: as it was asked for, as it was recorded, or the machine's. */
export function chooseThreads(spec: RunSpec, recorded: Threads | undefined): Threads {
  return spec.threads ?? recorded ?? defaultThreads();
}

/**
 * As many threads as the machine has cores, within an op and for ops that do not wait for each other. Small products run on one
 * thread each, so a step with many of them (a recurrence, a small dense model) is up to a third faster than one op at a time.
 */
export function defaultThreads(): Threads {
  const numCores = availableParallelism();
  return { intraOp: numCores, interOp: numCores };
}

type Topics = NonNullable<TrainingPlan["topics"]>;

/** What is read of topics: part of the plan of a run that has such data, so that it never changes. */
function topicsOf(datasets: Datasets): { readonly topics?: Topics } {
  const bounds = Object.entries(datasets).flatMap(([split, dataset]) => {
    const found: TopicBounds | null = dataset === null ? null : (topicOf(dataset)?.bounds ?? null);
    return found === null ? [] : [[split, found] as const];
  });
  return bounds.length === 0 ? {} : { topics: Object.fromEntries(bounds) };
}

function windowsOf(train: OpenDataset): Pick<TrainingPlan, "windows"> {
  const windows = topicOf(train)?.windows ?? null;
  return windows === null ? {} : { windows };
}

async function openAll(
  { train, validation, test }: RecipeData,
  spec: RunSpec,
  { original, nameOfModule }: RecipeSource,
  known: Fitted,
  topics: Topics,
): Promise<Datasets> {
  const { sourceBytes, cacheAllowance } = dataMemory(spec);
  const open = (dataset: Dataset, split: keyof Datasets, fitted: Fitted): Promise<OpenDataset> =>
    openDataset(dataset, {
      cacheDirectory: cacheDirectory(),
      memoryBytes: sourceBytes,
      isHeldOut: split !== "train",
      fitted,
      cacheAllowance,
      topicBounds: topics[split] ?? null,
      onWaiting: (what) => log(original(what)),
      nameOfModule,
    });
  const opened = await open(train, "train", known);
  const openOptional = async (dataset: RecipeData["test"], split: keyof Datasets) => {
    const held = dataset === undefined ? null : await open(dataset, split, opened.fitted);
    if (held === null || held.numSamples === 0) return null;
    return opened.hasSoftLabels ? softenLabels(held) : held;
  };
  // One after another: they often share files, which are read once.
  return {
    train: opened,
    validation: await openOptional(validation, "validation"),
    test: await openOptional(test, "test"),
  };
}

/** What data may take: parts of the budget where there is one, else of what is free. What does not fit is read from files. */
function dataMemory({ policy: { memory } }: RunSpec) {
  const { budget } = memory;
  const granted = grantedMemory();
  const bytes = budget === undefined ? Math.min(freemem(), granted.bytes) : resolveBudget(budget, granted).bytes;
  return { sourceBytes: bytes / 2, cacheAllowance: { bytes: bytes / 4 } };
}

/** With another number of samples, a position in the sequence of batches means something else. */
function requireSameLengths(
  recorded: TrainingPlan,
  now: Pick<TrainingPlan, "numTrainSamples" | "numValidationSamples" | "numTestSamples">,
): void {
  const splits = { train: "numTrainSamples", validation: "numValidationSamples", test: "numTestSamples" } as const;
  const changed = Object.entries(splits).filter(([, field]) => recorded[field] !== now[field]);
  if (changed.length === 0) return;
  const shown = changed.map(([split, field]) => `${split}: ${recorded[field]} samples, now ${now[field]}`).join("; ");
  throw new AnnealError(
    "DATASET_CHANGED",
    `the data is not what this run was prepared with (${shown})`,
    "Put the data back as it was, or train a new run on it with this run's checkpoint as initialWeights.",
    { splits: changed.map(([split]) => split).join(", "), details: shown },
  );
}

function resolveMonitor(
  recipe: Recipe,
  { monitor }: ResolvedTraining,
  hasValidation: boolean,
): { readonly metric: string; readonly direction: MetricDirection } {
  const metrics = recipe.metrics ?? {};
  const asked = monitor ?? Object.keys(metrics)[0] ?? "loss";
  const phase = /^(train|validation)\//.exec(asked)?.[1] ?? (hasValidation ? "validation" : "train");
  const name = asked.replace(/^(train|validation)\//, "");
  const direction = name === "loss" ? "minimize" : metrics[name]?.direction;
  if (direction === undefined || (phase === "validation" && !hasValidation)) {
    throw new AnnealError(
      "RECIPE_INVALID",
      direction === undefined
        ? `training() monitors "${asked}", and the recipe has no such metric`
        : `training() monitors "${asked}", and the recipe has no validation data`,
      `Monitor one of: ${["loss", ...Object.keys(metrics)].join(", ")}${hasValidation ? "" : ", on the train data"}.`,
      { monitor: asked },
    );
  }
  return { metric: `${phase}/${name}`, direction };
}

async function readInitialWeights(path: string | null, recipeDir: string): Promise<readonly NamedTensor[] | null> {
  if (path === null) return null;
  const absolute = isAbsolute(path) ? path : join(recipeDir, path);
  // Any checkpoint's folder will do: the store of its run is not needed to read it.
  const { model } = await openCheckpointStore(absolute).load(absolute);
  return model;
}
