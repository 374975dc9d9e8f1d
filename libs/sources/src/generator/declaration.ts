import type { Json } from "@anneal/contracts";
import type { FieldSpec, SampleSpec } from "../fields.ts";

/** Samples that the person's own code gives, one after another. */
export interface GeneratorDeclaration {
  readonly kind: "generator";
  /** URL of the module, as `import.meta.resolve("./mine.ts")` gives it. */
  readonly module: string;
  readonly exportName: string;
  readonly options: Json;
  /** Samples of an epoch; null: as many as it gives in the first, which is counted when the data is opened. */
  readonly numSamples: number | null;
  readonly inputs: SampleSpec;
  readonly labels: FieldSpec;
  readonly numClasses: number | null;
  readonly canSeek: boolean;
}

export interface GeneratorOptions {
  readonly module: string;
  /** `default` by default. */
  readonly exportName?: string;
  readonly options?: Json;
  /** Samples of an epoch, for a generator that would give more, or never ends. Without it, one pass counts them first. */
  readonly numSamples?: number;
  readonly inputs: SampleSpec;
  readonly labels: FieldSpec;
  /** Of labels that are classes, int32 scalars: how many classes there are. */
  readonly numClasses?: number;
  /** Whether it begins with the sample `start`. One that does not is asked for all before, which are thrown away. */
  readonly canSeek?: boolean;
}

/** What one epoch of a generator is asked for: the same again must give the same samples. */
export interface Epoch {
  /** Counted from 0. */
  readonly epoch: number;
  /** The first sample to give, from 0. */
  readonly start: number;
  /** The run's seed. */
  readonly seed: number;
}

/** A field of a sample: numbers of the declared format, or such as fit it. */
export type FieldValue = Uint8Array | Int32Array | Float32Array | readonly number[] | number;

export interface GeneratedSample {
  readonly input: FieldValue;
  readonly label: FieldValue;
}

/** What the module exports: `export default async function* (options, {epoch, start, seed}) { … yield {input, label} … }`. */
export type SampleGenerator<Options = Json> = (
  options: Options,
  epoch: Epoch,
) => AsyncIterable<GeneratedSample> | Iterable<GeneratedSample>;

/**
 * Samples of a generator, in its order: it is read by one thread, so that what it does at a time is what it gives.
 *
 * @throws RangeError for a number of samples or of classes that is no integer from 1
 */
export function generatorSource(options: GeneratorOptions): GeneratorDeclaration {
  const {
    module,
    exportName = "default",
    inputs,
    labels,
    numSamples = null,
    numClasses = null,
    canSeek = false,
  } = options;
  for (const count of [numSamples, numClasses]) {
    if (count !== null && !(Number.isInteger(count) && count >= 1)) {
      throw new RangeError(`numSamples and numClasses must be integers from 1, not ${count}`);
    }
  }
  const made = options.options ?? null;
  return { kind: "generator", module, exportName, options: made, numSamples, inputs, labels, numClasses, canSeek };
}
