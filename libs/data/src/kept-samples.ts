import type { StreamSample, TypedArray } from "@anneal/sources";

interface Kept {
  index: number;
  input: TypedArray;
  label: TypedArray;
  failure: StreamSample["failure"];
  record?: NonNullable<StreamSample["record"]>;
}

/** Samples of a stream that were pulled before their turn, by their numbers. Memory of those that are taken serves those that are kept next. */
export class KeptSamples {
  readonly #kept = new Map<number, Kept>();
  readonly #spare: Kept[] = [];

  has(index: number): boolean {
    return this.#kept.has(index);
  }

  keep({ index, input, label, failure, record }: StreamSample): void {
    const spare = this.#spare.pop();
    if (spare?.input.length === input.length) {
      spare.input.set(input);
      spare.label.set(label);
      spare.index = index;
      spare.failure = failure;
      if (record !== undefined) spare.record = record;
      this.#kept.set(index, spare);
      return;
    }
    const copy = { index, input: input.slice(), label: label.slice(), failure };
    this.#kept.set(index, record === undefined ? copy : { ...copy, record });
  }

  /** The sample with this number, which is kept no longer: valid until another is kept. */
  take(index: number): StreamSample {
    const taken = this.#kept.get(index)!;
    this.#kept.delete(index);
    this.#spare.push(taken);
    return taken;
  }
}
