import { dtypeOf, type TypedArray, viewOf } from "../fields.ts";

/**
 * Samples of one length that a thread has loaded, one after another in memory of its own. The view of a place is made once, whatever is
 * loaded there: to make one takes as long as all else that becomes of a small sample.
 */
export class LoadedSamples {
  readonly #sampleLength: number;
  /** Its format is that of the samples. */
  #values: TypedArray;
  #views: TypedArray[] = [];

  constructor(format: TypedArray, sampleLength: number) {
    this.#values = viewOf(new ArrayBuffer(0), dtypeOf(format), 0, 0);
    this.#sampleLength = sampleLength;
  }

  /** Memory for so many samples, to be written. */
  room(numSamples: number): TypedArray {
    const length = numSamples * this.#sampleLength;
    if (this.#values.length < length) {
      this.#values = viewOf(new ArrayBuffer(4 * length), dtypeOf(this.#values), 0, length);
      this.#views = [];
    }
    return this.#values;
  }

  /**
   * Copies samples from all there are. They lie anywhere in memory, which takes longer to answer than all that becomes of a small
   * sample: so the first number of each comes in a loop that does nothing else, in which many answers are on their way at a time.
   */
  gather(all: TypedArray, indices: Uint32Array): void {
    const values = this.room(indices.length);
    const length = this.#sampleLength;
    for (let k = 0; k < indices.length; k++) values[k * length] = all[indices[k]! * length]!;
    for (let k = 0; k < indices.length; k++) {
      const [to, from] = [k * length, indices[k]! * length];
      for (let i = 1; i < length; i++) values[to + i] = all[from + i]!;
    }
  }

  /** The k-th sample that is loaded. */
  view(k: number): TypedArray {
    let view = this.#views[k];
    if (view === undefined) {
      view = this.#values.subarray(k * this.#sampleLength, (k + 1) * this.#sampleLength);
      this.#views[k] = view;
    }
    return view;
  }

  /** Copies the k-th sample into `target` at `offset`, in elements. */
  copy(k: number, target: TypedArray, offset: number): void {
    const from = k * this.#sampleLength;
    for (let i = 0; i < this.#sampleLength; i++) target[offset + i] = this.#values[from + i]!;
  }
}
