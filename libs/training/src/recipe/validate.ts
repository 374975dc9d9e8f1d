import { AnnealError, computePrecisions, type ExportSpec, exportSpecSchema } from "@anneal/contracts";
import { type Recipe, type RecipeDefinition, recipeKind, type TrainingOptions } from "./define.ts";
import { lossNames } from "./losses.ts";

type Field = Exclude<keyof RecipeDefinition<never>, "description">;

const checks: Readonly<Record<Field, (value: unknown) => string | null>> = {
  name: (value) =>
    typeof value === "string" && /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(value)
      ? null
      : "must be letters, digits, dots, dashes, at most 64",
  parameters: (value) => (isZodObject(value) ? null : "must be a z.object({...})"),
  data: mustBeFunction,
  model: mustBeFunction,
  optimizer: mustBeFunction,
  training: mustBeFunction,
  loss: (value) =>
    typeof value === "function" || lossNames.some((name) => name === value)
      ? null
      : `must be a function or one of: ${lossNames.join(", ")}`,
  metrics: checkMetrics,
};

/**
 * A module's default export as a recipe.
 *
 * @throws AnnealError RECIPE_INVALID that names every field that is missing or wrong.
 */
export function validateRecipe(value: unknown, path: string): Recipe {
  if (value === undefined) {
    throw invalid(path, "has no default export", "End the file with `export default defineRecipe({...})`.");
  }
  if (typeof value !== "object" || value === null || !("kind" in value) || value.kind !== recipeKind) {
    throw invalid(path, "its default export is not a recipe", "Export what `defineRecipe({...})` returns.");
  }
  const fields = value as Readonly<Record<string, unknown>>;
  const problems = (Object.keys(checks) as Field[]).flatMap((field) => {
    const problem = checks[field](fields[field]);
    return problem === null ? [] : [`${field} ${problem}`];
  });
  if (problems.length > 0) throw invalid(path, problems.join("; "), "Correct these fields of the recipe.");
  return value as Recipe;
}

/**
 * Checks what a recipe's `training` function returned, with the defaults filled in.
 *
 * @throws AnnealError RECIPE_INVALID
 */
export function validateTraining(options: TrainingOptions): Required<Omit<TrainingOptions, OptionalOption>> & Nullable {
  const isCount = (value: unknown) => Number.isInteger(value) && (value as number) >= 1;
  const { earlyStopping } = options;
  const exports = (options.exports ?? []).map((asked) => exportSpecSchema.safeParse(asked));
  const problems = [
    isCount(options.epochs) ? [] : ["epochs must be an integer from 1"],
    isCount(options.batchSize) ? [] : ["batchSize must be an integer from 1"],
    isCount(options.evaluationBatchSize ?? 1) ? [] : ["evaluationBatchSize must be an integer from 1"],
    isCount(earlyStopping?.patience ?? 1) ? [] : ["earlyStopping.patience must be an integer from 1"],
    (earlyStopping?.minDelta ?? 0) >= 0 ? [] : ["earlyStopping.minDelta must be 0 or more"],
    ...Object.entries(options.layerPrecision ?? {}).map(([layer, precision]) =>
      computePrecisions.includes(precision)
        ? []
        : [`layerPrecision["${layer}"] must be one of: ${computePrecisions.join(", ")}`],
    ),
    new Set(exports.map(({ data }) => `${data?.format}-${data?.precision}`)).size === exports.length
      ? []
      : ["exports must each have a format and precision of their own"],
    ...exports.flatMap(({ error }, index) =>
      (error?.issues ?? []).map(
        ({ path, message }) => `exports[${index}]${path.map((part) => `.${String(part)}`).join("")}: ${message}`,
      ),
    ),
  ].flat();
  if (problems.length > 0) {
    throw new AnnealError("RECIPE_INVALID", `training: ${problems.join("; ")}`, "Correct what training() returns.", {
      problems: problems.join("; "),
    });
  }
  return {
    epochs: options.epochs,
    batchSize: options.batchSize,
    evaluationBatchSize: options.evaluationBatchSize ?? options.batchSize,
    monitor: options.monitor ?? null,
    earlyStopping: earlyStopping ? { patience: earlyStopping.patience, minDelta: earlyStopping.minDelta ?? 0 } : null,
    initialWeights: options.initialWeights ?? null,
    layerPrecision: options.layerPrecision ?? {},
    exports: exports.flatMap(({ data }) => data ?? []),
  };
}

type OptionalOption = "monitor" | "earlyStopping" | "initialWeights" | "exports";
interface Nullable {
  readonly monitor: string | null;
  readonly earlyStopping: { readonly patience: number; readonly minDelta: number } | null;
  readonly initialWeights: string | null;
  readonly exports: readonly ExportSpec[];
}
export type ResolvedTraining = ReturnType<typeof validateTraining>;

function mustBeFunction(value: unknown): string | null {
  return typeof value === "function" ? null : "must be a function";
}

function checkMetrics(value: unknown): string | null {
  if (value === undefined) return null;
  if (typeof value !== "object" || value === null) return "must be an object of metrics by name";
  for (const [name, metric] of Object.entries(value)) {
    if (name === "loss" || name.includes("/")) return `may not have one called "${name}"`;
    if (metric?.direction !== "minimize" && metric?.direction !== "maximize") {
      return `"${name}" must have a direction: "minimize" or "maximize"`;
    }
    if (typeof metric.compute !== "function") return `"${name}" must have a function compute(labels, outputs)`;
  }
  return null;
}

function isZodObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && "shape" in value && "safeParse" in value;
}

function invalid(path: string, problem: string, remedy: string): AnnealError {
  return new AnnealError("RECIPE_INVALID", `${path}: ${problem}`, remedy, { path });
}
