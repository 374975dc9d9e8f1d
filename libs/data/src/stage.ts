import { AnnealError } from "@anneal/contracts";
import {
  allocateShared,
  type FieldSpec,
  numElements,
  type SampleReader,
  type SampleSpec,
  type StreamSample,
  type TypedArray,
  viewOf,
} from "@anneal/sources";
import { capacityOf } from "./chain.ts";

/**
 * Raw samples of a stream, for the items that have a slot in the ring: one thread pulls them in their order and puts them here, others
 * read them from here, and again if one of them dies. A slot lives as long as that of the ring.
 */
export interface StageHandles {
  readonly input: SampleSpec;
  readonly labels: FieldSpec;
  readonly numSlots: number;
  readonly batchSize: number;
  /** Where the samples come from, for people. */
  readonly place: string;
  readonly data: SharedArrayBuffer;
}

/** Bytes for what is wrong with a sample. */
const reasonBytes = 256;

/** A slot: for each sample of a batch its number, its length, bytes of its failure; then failures, inputs, labels. */
function layoutOf({ input, labels, batchSize }: Pick<StageHandles, "input" | "labels" | "batchSize">) {
  const reasonsAt = 3 * 4 * batchSize;
  const inputsAt = reasonsAt + reasonBytes * batchSize;
  const labelsAt = inputsAt + 4 * capacityOf(input) * batchSize;
  return { reasonsAt, inputsAt, labelsAt, slotBytes: labelsAt + 4 * numElements(labels.shape) * batchSize };
}

export function createStage(options: Omit<StageHandles, "data">): StageHandles {
  return { ...options, data: allocateShared(options.numSlots * layoutOf(options).slotBytes) };
}

export class Stage {
  readonly #handles: StageHandles;
  readonly #layout: ReturnType<typeof layoutOf>;

  constructor(handles: StageHandles) {
    this.#handles = handles;
    this.#layout = layoutOf(handles);
  }

  /** Puts the k-th sample of an item in its place. */
  write(item: number, k: number, { index, input, label, failure }: StreamSample): void {
    const { numbers, lengths, reasons } = this.#words(item);
    numbers[k] = index;
    lengths[k] = input.length;
    this.#inputOf(item, k, input.length).set(input);
    this.#labelOf(item, k).set(label);
    const reason = new TextEncoder().encode(failure?.message ?? "").subarray(0, reasonBytes);
    reasons[k] = reason.length;
    new Uint8Array(this.#handles.data, this.#reasonAt(item, k), reasonBytes).set(reason);
  }

  /** Reads the samples of one item by their numbers. */
  readerOf(item: number): SampleReader {
    const { numbers, lengths, reasons } = this.#words(item);
    let places: number[] = [];
    return {
      load: (indices) => {
        places = Array.from(indices, (index) => numbers.indexOf(index));
      },
      input: (k) => this.#inputOf(item, places[k]!, lengths[places[k]!]!),
      readLabel: (k, target, offset) => target.set(this.#labelOf(item, places[k]!), offset),
      failureOf: (k) => {
        const numBytes = reasons[places[k]!]!;
        if (numBytes === 0) return null;
        const reason = Uint8Array.from(new Uint8Array(this.#handles.data, this.#reasonAt(item, places[k]!), numBytes));
        const place = `${this.#handles.place}, sample ${numbers[places[k]!]}`;
        return new AnnealError(
          "BAD_RECORD",
          new TextDecoder().decode(reason),
          "Mend what gives it, or let the data skip bad records.",
          { place },
        );
      },
      placeOf: (index) => `${this.#handles.place}, sample ${index}`,
    };
  }

  #words(item: number) {
    const { data, batchSize } = this.#handles;
    const word = (at: number) => new Int32Array(data, this.#slotAt(item) + 4 * at * batchSize, batchSize);
    return { numbers: word(0), lengths: word(1), reasons: word(2) };
  }

  #inputOf(item: number, k: number, length: number): TypedArray {
    const { data, input } = this.#handles;
    return viewOf(data, input.dtype, this.#slotAt(item) + this.#layout.inputsAt + 4 * k * capacityOf(input), length);
  }

  #labelOf(item: number, k: number): TypedArray {
    const { data, labels } = this.#handles;
    const length = numElements(labels.shape);
    return viewOf(data, labels.dtype, this.#slotAt(item) + this.#layout.labelsAt + 4 * k * length, length);
  }

  #reasonAt(item: number, k: number): number {
    return this.#slotAt(item) + this.#layout.reasonsAt + reasonBytes * k;
  }

  #slotAt(item: number): number {
    return (item % this.#handles.numSlots) * this.#layout.slotBytes;
  }
}
