import { AnnealError, type Json } from "@anneal/contracts";
import { type FieldSpec, RandomStream, type SampleSpec, type TypedArray } from "@anneal/sources";

/** A transform by reference: threads import the module and call its factory with the options. */
export interface TransformReference {
  /** URL of the module, as `import.meta.resolve("./mine.ts")` gives it. */
  readonly module: string;
  readonly exportName: string;
  readonly options: Json;
  /**
   * Of a transform that learns from the training samples before step 1: what its module exports to learn with, a `LearnerFactory`. What
   * it learned is given to the factory as its third argument.
   */
  readonly fit?: string;
  /** What was learned. */
  readonly state?: Json;
}

/** A transform made for one kind of input. */
export interface Transform {
  readonly output: SampleSpec;
  /**
   * Whether it draws from `random`. What is kept for later epochs (`Dataset.cache`, `Dataset.filter`) is made by the
   * transforms that do not. Default: false.
   */
  readonly isRandom?: boolean;
  /**
   * Writes every element of `target` (shape and dtype of `output`; of samples that differ in length, room for `capacity` elements).
   * `source` must not be written or kept: both arrays are reused for the next sample. All randomness comes from `random`,
   * which is a function of (seed, epoch, index).
   *
   * @returns of samples that differ in length the number of elements written; nothing for as many as `source` has
   */
  apply(source: TypedArray, target: TypedArray, random: RandomStream): number | undefined;
}

/** What a transform's module exports. It may throw for options or inputs that it does not support. `state`: what was learned. */
export type TransformFactory<Options = Json, State = Json> = (
  options: Options,
  input: SampleSpec,
  state: State,
) => Transform;

/** Learns from the samples of the training data, one after another, in their order. */
export interface Learner<State = Json> {
  /** `sample` is valid during the call alone. */
  add(sample: TypedArray): void;
  /** What was learned: JSON, kept with the run. */
  state(): State;
}

/** What the module of a transform that learns exports beside its factory. */
export type LearnerFactory<Options = Json, State = Json> = (options: Options, input: SampleSpec) => Learner<State>;

/** Whether a sample is kept: a function of what the transforms before it made of its input, and of its label. */
export type Predicate = (input: TypedArray, label: TypedArray) => boolean;

/** What a predicate's module exports. */
export type PredicateFactory<Options = Json> = (options: Options, input: SampleSpec, label: FieldSpec) => Predicate;

/** A transform or predicate of the person's own: `transform(import.meta.resolve("./mine.ts"), {strength: 2})`. */
export function transform(module: string, options: Json = null, exportName = "default"): TransformReference {
  return { module, exportName, options };
}

/**
 * A transform of the person's own that learns from the training samples before step 1, by the function `learner` that its module exports.
 * The same reference in validation and test data uses what was learned.
 */
export function fittedTransform(
  module: string,
  options: Json = null,
  { exportName = "default", learner = "learner" }: { readonly exportName?: string; readonly learner?: string } = {},
): TransformReference {
  return { module, exportName, options, fit: learner };
}

/** `TRANSFORM_FAILED` for a transform and, where one is known, the sample it failed on. */
export function transformFailed(
  reference: TransformReference,
  sampleIndex: number | null,
  cause: unknown,
  place: string | null = null,
): AnnealError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const where = sampleIndex === null ? "" : ` on sample ${sampleIndex}${place === null ? "" : ` (${place})`}`;
  const { exportName } = reference;
  const module = shownModule(reference);
  return new AnnealError(
    "TRANSFORM_FAILED",
    `The transform ${module} (${exportName}) failed${where}: ${reason}`,
    cause instanceof ReferenceError && reference.module.startsWith("data:")
      ? "A function is sent to threads by its text: it may use its arguments alone. What it needs besides goes into a module: transform(import.meta.resolve('./mine.ts'), options)."
      : "Mend the transform, or take it out of the recipe's data.",
    { module, exportName, sampleIndex, ...(place !== null && { place }), cause: reason },
    { cause },
  );
}

/** One transform of a chain, loaded, with the reference it came from. */
export interface LoadedTransform {
  readonly reference: TransformReference;
  readonly transform: Transform;
}

/** Imports and makes the transforms of a chain, each for the output of the one before. Throws `TRANSFORM_FAILED`. */
export async function loadTransforms(
  references: readonly TransformReference[],
  input: SampleSpec,
): Promise<readonly LoadedTransform[]> {
  const loaded: LoadedTransform[] = [];
  let field = input;
  for (const reference of references) {
    try {
      const made = (await importFactory<TransformFactory>(reference))(
        reference.options,
        field,
        reference.state ?? null,
      );
      if (typeof made?.apply !== "function" || !Array.isArray(made.output?.shape)) {
        throw new Error("the factory must return {output: {shape, dtype}, apply}");
      }
      loaded.push({ reference, transform: made });
      field = made.output;
    } catch (cause) {
      throw transformFailed(reference, null, cause);
    }
  }
  return loaded;
}

/** Imports and makes a predicate for samples of this kind. Throws `TRANSFORM_FAILED`. */
export async function loadPredicate(
  reference: TransformReference,
  input: SampleSpec,
  label: FieldSpec,
): Promise<Predicate> {
  try {
    const predicate = (await importFactory<PredicateFactory>(reference))(reference.options, input, label);
    if (typeof predicate !== "function")
      throw new Error("the factory must return a function (input, label) => boolean");
    return predicate;
  } catch (cause) {
    throw transformFailed(reference, null, cause);
  }
}

/** Imports and makes what a transform learns with. Throws `TRANSFORM_FAILED`. */
export async function loadLearner(reference: TransformReference, input: SampleSpec): Promise<Learner> {
  try {
    const { module, fit = "", options } = reference;
    return (await importFactory<LearnerFactory>({ module, exportName: fit }))(options, input);
  } catch (cause) {
    throw transformFailed(reference, null, cause);
  }
}

/** What a chain's transforms before any random one are: those whose output is the same in each epoch. */
export function numDeterministic(transforms: readonly LoadedTransform[]): number {
  const first = transforms.findIndex(({ transform: { isRandom = false } }) => isRandom);
  return first < 0 ? transforms.length : first;
}

/** Thrown into a transform that draws random numbers and did not say so. */
export class UndeclaredRandomness extends Error {}

/** `RECIPE_INVALID`: what such a transform makes would be kept for later epochs, each the same. */
export function undeclaredRandomness(reference: TransformReference): AnnealError {
  const module = shownModule(reference);
  return new AnnealError(
    "RECIPE_INVALID",
    `the transform ${module} (${reference.exportName}) draws random numbers, and what it makes is kept: it comes before filter() or cache()`,
    "Put it after them; its factory should say so: return { isRandom: true, … }.",
    { module, exportName: reference.exportName },
  );
}

/** Random numbers for transforms that said they need none, where their output is kept for later epochs. */
export class NoRandomness extends RandomStream {
  constructor() {
    super("sample", 0, 0, 0);
  }

  override uint32(): number {
    throw new UndeclaredRandomness();
  }
}

async function importFactory<Factory>({
  module,
  exportName,
}: Pick<TransformReference, "module" | "exportName">): Promise<Factory> {
  const exports = (await import(/* @vite-ignore */ module)) as Record<string, unknown>;
  const factory = exports[exportName];
  if (typeof factory !== "function") throw new Error(`the module exports no function "${exportName}"`);
  return factory as Factory;
}

/** Functions that were written in the recipe itself are modules without a file. */
function shownModule({ module }: TransformReference): string {
  return module.startsWith("data:") ? "written in the recipe" : module;
}
