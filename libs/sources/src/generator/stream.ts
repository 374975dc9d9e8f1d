import type { AnnealError, Json } from "@anneal/contracts";
import { badRecord, generatorEnded, sourceFailed } from "../errors.ts";
import { type FieldSpec, isRagged, numElements, type SampleSpec, type TypedArray, viewOf } from "../fields.ts";
import type { Epoch, SampleGenerator } from "./declaration.ts";
import { checkedField, requireClass } from "./sample-checks.ts";

/** A source that is read in order, by `createStream`: only what it is made of. */
export interface StreamHandles {
  readonly kind: "stream";
  readonly module: string;
  readonly exportName: string;
  readonly options: Json;
  readonly numSamples: number;
  readonly inputField: SampleSpec;
  readonly labelField: FieldSpec;
  readonly numClasses: number | null;
  readonly canSeek: boolean;
}

/** A sample of a stream. */
export interface StreamSample {
  /** Its number in the epoch. */
  readonly index: number;
  /** Valid until the next sample; zeros where there is a failure. */
  readonly input: TypedArray;
  readonly label: TypedArray;
  /** `BAD_RECORD` for a sample that is not as declared, else null. */
  readonly failure: AnnealError | null;
}

/**
 * The samples `start` .. numSamples - 1 of an epoch, in order. Those before `start` are thrown away here where the generator cannot
 * leave them out. A generator that gives more is ended. Throws `SOURCE_FAILED` for what it throws, `DATASET_CORRUPT` if it ends early.
 */
export async function* createStream(
  handles: StreamHandles,
  { epoch, start, seed }: Epoch,
): AsyncGenerator<StreamSample> {
  const { numSamples, canSeek } = handles;
  if (start >= numSamples) return;
  let index = canSeek ? start : 0;
  for await (const sample of samplesOf(handles, { epoch, start: index, seed })) {
    if (index >= start) yield checked(handles, sample, index, placeInStream(handles, index, epoch));
    index += 1;
    // The loop's end closes the generator.
    if (index === numSamples) return;
  }
  throw generatorEnded(handles, `samples of epoch ${epoch}`, numSamples, index);
}

/** What the generator gives, unchecked; what it throws is `SOURCE_FAILED`. */
export async function* samplesOf(
  handles: Pick<StreamHandles, "module" | "exportName" | "options">,
  epoch: Epoch,
): AsyncGenerator<unknown> {
  const { module, exportName, options } = handles;
  const generate = await loadGenerator(module, exportName);
  let index = epoch.start;
  try {
    for await (const sample of generate(options, epoch)) {
      yield sample;
      index += 1;
    }
  } catch (cause) {
    throw sourceFailed(module, exportName, placeInStream(handles, index, epoch.epoch), cause);
  }
}

/** Throws `SOURCE_FAILED` for a module that cannot be loaded or does not export such a function. */
export async function loadGenerator(module: string, exportName: string): Promise<SampleGenerator> {
  try {
    const loaded = (await import(/* @vite-ignore */ module)) as Record<string, unknown>;
    const generate = loaded[exportName];
    if (typeof generate !== "function") throw new Error(`the module exports no function "${exportName}"`);
    return generate as SampleGenerator;
  } catch (cause) {
    throw sourceFailed(module, exportName, null, cause);
  }
}

function checked(handles: StreamHandles, sample: unknown, index: number, place: string): StreamSample {
  const { inputField, labelField, numClasses } = handles;
  try {
    const { input, label } = (sample ?? {}) as Record<string, unknown>;
    const checkedLabel = checkedField("label", label, labelField);
    if (numClasses !== null) requireClass(checkedLabel, numClasses);
    return { index, input: checkedField("input", input, inputField), label: checkedLabel, failure: null };
  } catch (cause) {
    return { index, input: zeros(inputField), label: zeros(labelField), failure: badRecord(place, cause) };
  }
}

function zeros(spec: SampleSpec): TypedArray {
  const length = isRagged(spec) ? 0 : numElements(spec.shape);
  return viewOf(new ArrayBuffer(4 * length), spec.dtype, 0, length);
}

function placeInStream({ module }: Pick<StreamHandles, "module">, index: number, epoch: number): string {
  return `${module}, sample ${index} of epoch ${epoch}`;
}
