import { AnnealError, type Json } from "@anneal/contracts";
import type { FieldSpec, RandomStream, TypedArray } from "@anneal/sources";

/** A transform by reference: threads import the module and call its factory with the options. */
export interface TransformReference {
  /** URL of the module, as `import.meta.resolve("./mine.ts")` gives it. */
  readonly module: string;
  readonly exportName: string;
  readonly options: Json;
}

/** A transform made for one kind of input. */
export interface Transform {
  readonly output: FieldSpec;
  /**
   * Writes every element of `target` (shape and dtype of `output`). `source` must not be written or kept: both arrays
   * are reused for the next sample. All randomness comes from `random`, which is a function of (seed, epoch, index).
   */
  apply(source: TypedArray, target: TypedArray, random: RandomStream): void;
}

/** What a transform's module exports. It may throw for options or inputs that it does not support. */
export type TransformFactory<Options = Json> = (options: Options, input: FieldSpec) => Transform;

/** A transform of the person's own: `transform(import.meta.resolve("./mine.ts"), {strength: 2})`. */
export function transform(module: string, options: Json = null, exportName = "default"): TransformReference {
  return { module, exportName, options };
}

/** `TRANSFORM_FAILED` for a transform and, where one is known, the sample it failed on. */
export function transformFailed(
  reference: TransformReference,
  sampleIndex: number | null,
  cause: unknown,
): AnnealError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const place = sampleIndex === null ? "" : ` on sample ${sampleIndex}`;
  return new AnnealError(
    "TRANSFORM_FAILED",
    `The transform ${reference.module} (${reference.exportName}) failed${place}: ${reason}`,
    "Mend the transform, or take it out of the recipe's data.",
    { module: reference.module, exportName: reference.exportName, sampleIndex, cause: reason },
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
  input: FieldSpec,
): Promise<readonly LoadedTransform[]> {
  const loaded: LoadedTransform[] = [];
  let field = input;
  for (const reference of references) {
    try {
      const module = (await import(/* @vite-ignore */ reference.module)) as Record<string, unknown>;
      const factory = module[reference.exportName];
      if (typeof factory !== "function") throw new Error(`the module exports no function "${reference.exportName}"`);
      const made = (factory as TransformFactory)(reference.options, field);
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
