import {
  type FieldSpec,
  isRagged,
  numElements,
  type RandomStream,
  type SampleSpec,
  type SourceHandles,
  type TypedArray,
  viewOf,
} from "@anneal/sources";
import {
  type LoadedTransform,
  loadTransforms,
  NoRandomness,
  numDeterministic,
  type TransformReference,
  transformFailed,
  UndeclaredRandomness,
  undeclaredRandomness,
} from "./transform.ts";

/** What a thread needs to make samples of one source. */
export interface ChainHandles {
  readonly source: SourceHandles;
  /** Inputs as the source gives them. */
  readonly sourceInputs: SampleSpec;
  readonly labels: FieldSpec;
  readonly transforms: readonly TransformReference[];
}

/** The most elements that a sample of this kind has. */
export function capacityOf(field: SampleSpec): number {
  return isRagged(field) ? field.capacity : numElements(field.shape);
}

/** The transforms of a data set in one thread, with buffers between them that are used for every sample. */
export class Chain {
  /** What the transforms take and make: the first is the source's. */
  readonly fields: readonly SampleSpec[];
  /** How many of the transforms, from the first, make the same of a sample in each epoch. */
  readonly numDeterministic: number;
  readonly #transforms: readonly LoadedTransform[];
  readonly #buffers: readonly TypedArray[];
  readonly #noRandomness = new NoRandomness();

  constructor(transforms: readonly LoadedTransform[], input: SampleSpec) {
    this.#transforms = transforms;
    this.fields = [input, ...transforms.map(({ transform }) => transform.output)];
    this.numDeterministic = numDeterministic(transforms);
    this.#buffers = transforms.map(({ transform: { output } }) => {
      const length = capacityOf(output);
      return viewOf(new ArrayBuffer(length * 4), output.dtype, 0, length);
    });
  }

  /**
   * Passes a sample through the transforms `from` .. `to` - 1. Valid until the next sample.
   *
   * @param random null where none may be drawn
   * @param target where the last of them writes; by default a buffer of this chain
   * @throws AnnealError TRANSFORM_FAILED
   */
  run(
    input: TypedArray,
    { from, to, random, target }: ChainRun,
    sampleIndex: number,
    placeOf: (index: number) => string,
  ): TypedArray {
    let source = input;
    for (let step = from; step < to; step++) {
      const { transform, reference } = this.#transforms[step]!;
      const output = step === to - 1 && target !== undefined ? target : this.#buffers[step]!;
      let numWritten: number | undefined;
      try {
        numWritten = transform.apply(source, output, random ?? this.#noRandomness);
      } catch (cause) {
        if (cause instanceof UndeclaredRandomness) throw undeclaredRandomness(reference);
        throw transformFailed(reference, sampleIndex, cause, placeOf(sampleIndex));
      }
      source = isRagged(transform.output) ? output.subarray(0, numWritten ?? source.length) : output;
    }
    if (from === to && target !== undefined) {
      target.set(source);
      return target;
    }
    return source;
  }
}

export interface ChainRun {
  readonly from: number;
  readonly to: number;
  readonly random: RandomStream | null;
  readonly target?: TypedArray;
}

/** Throws `TRANSFORM_FAILED`. */
export async function openChain({ transforms, sourceInputs }: Omit<ChainHandles, "source">): Promise<Chain> {
  return new Chain(await loadTransforms(transforms, sourceInputs), sourceInputs);
}
