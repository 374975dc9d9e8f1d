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

/** One slot, as arrays over its memory: made once, since samples are many and slots few. */
interface StageSlot {
  readonly numbers: Int32Array;
  readonly lengths: Int32Array;
  readonly reasons: Int32Array;
  readonly inputs: TypedArray;
  readonly labels: TypedArray;
}

export class Stage {
  readonly #handles: StageHandles;
  readonly #layout: ReturnType<typeof layoutOf>;
  readonly #slots: StageSlot[] = [];
  /** Elements from one sample's input to the next one's, and from label to label. */
  readonly #strides: { readonly input: number; readonly label: number };

  constructor(handles: StageHandles) {
    const { input, labels } = handles;
    this.#handles = handles;
    this.#layout = layoutOf(handles);
    this.#strides = {
      input: capacityOf(input) * elementsPerWord(input),
      label: numElements(labels.shape) * elementsPerWord(labels),
    };
  }

  /** Puts the k-th sample of an item in its place. */
  write(item: number, k: number, { index, input, label, failure }: StreamSample): void {
    const slot = this.#slotOf(item);
    slot.numbers[k] = index;
    slot.lengths[k] = input.length;
    slot.inputs.set(input, k * this.#strides.input);
    slot.labels.set(label, k * this.#strides.label);
    slot.reasons[k] = failure === null ? 0 : this.#writeReason(item, k, failure.message);
  }

  /** Reads the samples of one item by their numbers. */
  readerOf(item: number): SampleReader {
    const { numbers, lengths, reasons, inputs, labels } = this.#slotOf(item);
    const { input: inputStride, label: labelStride } = this.#strides;
    const labelLength = numElements(this.#handles.labels.shape);
    let places: number[] = [];
    return {
      load: (indices) => {
        places = Array.from(indices, (index) => numbers.indexOf(index));
      },
      input: (k) => {
        const place = places[k]!;
        return inputs.subarray(place * inputStride, place * inputStride + lengths[place]!);
      },
      readLabel: (k, target, offset) => {
        const at = places[k]! * labelStride;
        for (let i = 0; i < labelLength; i++) target[offset + i] = labels[at + i]!;
      },
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

  #slotOf(item: number): StageSlot {
    const at = item % this.#handles.numSlots;
    this.#slots[at] ??= this.#openSlot(item);
    return this.#slots[at];
  }

  #openSlot(item: number): StageSlot {
    const { data, batchSize, input, labels } = this.#handles;
    const { inputsAt, labelsAt } = this.#layout;
    const start = this.#slotAt(item);
    const word = (at: number) => new Int32Array(data, start + 4 * at * batchSize, batchSize);
    return {
      numbers: word(0),
      lengths: word(1),
      reasons: word(2),
      inputs: viewOf(data, input.dtype, start + inputsAt, batchSize * this.#strides.input),
      labels: viewOf(data, labels.dtype, start + labelsAt, batchSize * this.#strides.label),
    };
  }

  /** Gives the length of what it wrote, in bytes: 1 or more. */
  #writeReason(item: number, k: number, message: string): number {
    const reason = new TextEncoder().encode(message || "unknown").subarray(0, reasonBytes);
    new Uint8Array(this.#handles.data, this.#reasonAt(item, k), reasonBytes).set(reason);
    return reason.length;
  }

  #reasonAt(item: number, k: number): number {
    return this.#slotAt(item) + this.#layout.reasonsAt + reasonBytes * k;
  }

  #slotAt(item: number): number {
    return (item % this.#handles.numSlots) * this.#layout.slotBytes;
  }
}

/** Each element has a word of four bytes, whatever its format takes: numbers lie at multiples of four. */
function elementsPerWord({ dtype }: Pick<FieldSpec, "dtype">): number {
  return dtype === "uint8" ? 4 : 1;
}
