import { type AnnealError, type ErrorRecord, fromRecord, toAnnealError } from "@anneal/contracts";
import {
  alignUp,
  allocateShared,
  type FieldSpec,
  fieldBytes,
  numElements,
  type TypedArray,
  viewOf,
} from "@anneal/sources";
import { itemAt, type Schedule } from "./schedule.ts";

/**
 * The ring between the threads that prepare batches and the engine that reads them.
 *
 * Item i lives in slot i mod numSlots. The feed assigns a slot to an item once the engine has released the item that
 * was there before; threads fill it in parts and set a bit for each; the slot is ready when all bits are set. A set
 * bit can be set again without harm, so a part may be done twice (its thread died before it could answer).
 *
 * Every change that the engine may wait for increments `events`, so one address is enough to wait on, and a wait
 * that starts between a check and a change returns at once.
 */
export interface RingHandles {
  readonly schedule: Schedule;
  readonly inputs: FieldSpec;
  readonly labels: FieldSpec;
  readonly numSlots: number;
  readonly startItem: number;
  /** First item that is not produced. */
  readonly stopItem: number;
  readonly data: SharedArrayBuffer;
  readonly control: SharedArrayBuffer;
  /** Length and JSON of the first failure. */
  readonly failure: SharedArrayBuffer;
  readonly waits: SharedArrayBuffer;
}

/** Words of `control`; then `wordsPerSlot` words for each slot. */
const word = { events: 0, released: 1, failureState: 2, closed: 3, slots: 16 } as const;
/** The words of a slot: the item in it, the bits of its finished parts, the samples of a part; then `partWord`s for each part. */
const slotWord = { item: 0, doneParts: 1, partSize: 2, parts: 3 } as const;
/**
 * The words of a part: the sample in work (index in its source, and which source, both from 1), how many samples were begun (0 while they
 * are read), the thread that works on it, the samples that could not be read.
 */
const partWord = { sample: 0, source: 1, numBegun: 2, thread: 3, numBad: 4 } as const;
const wordsPerPart = 5;
export const maxParts = 30;
const wordsPerSlot = slotWord.parts + maxParts * wordsPerPart;
const failureCapacityBytes = 16_384;
const failureStates = { none: 0, writing: 1, written: 2 } as const;

export function createRing(options: {
  readonly schedule: Schedule;
  readonly inputs: FieldSpec;
  readonly labels: FieldSpec;
  readonly numSlots: number;
  readonly startItem: number;
  readonly stopItem: number;
}): RingHandles {
  const { numSlots, startItem } = options;
  const handles: RingHandles = {
    ...options,
    data: allocateShared(numSlots * slotLayout(options).slotBytes),
    control: new SharedArrayBuffer(4 * (word.slots + numSlots * wordsPerSlot)),
    failure: new SharedArrayBuffer(4 + failureCapacityBytes),
    waits: new SharedArrayBuffer(8 * 4),
  };
  const control = new Int32Array(handles.control);
  control[word.released] = startItem;
  for (let slot = 0; slot < numSlots; slot++) control[word.slots + slot * wordsPerSlot + slotWord.item] = -1;
  return handles;
}

/** Bytes that one prepared batch takes in a ring. */
export function batchBytes(plan: Pick<RingHandles, "inputs" | "labels"> & Pick<Schedule, "batchSize">): number {
  return slotLayout({ ...plan, schedule: plan }).slotBytes;
}

/** A slot in bytes: the inputs of a full batch, then its labels, both aligned. */
function slotLayout({
  schedule,
  inputs,
  labels,
}: Pick<RingHandles, "inputs" | "labels"> & { readonly schedule: Pick<Schedule, "batchSize"> }) {
  const labelsAt = alignUp(schedule.batchSize * fieldBytes(inputs));
  return { labelsAt, slotBytes: labelsAt + alignUp(schedule.batchSize * fieldBytes(labels)) };
}

/** Memory of one slot, by number format. */
export function slotTensors({ schedule: { batchSize }, inputs, labels }: RingHandles) {
  return [inputs, labels].map((field) => ({ dtype: field.dtype, numBytes: batchSize * fieldBytes(field) }));
}

/** Where a part stands. */
export interface PartProgress {
  /** Index of the sample in its source. */
  readonly index: number;
  /** Which of the data set's parts it is of. */
  readonly source: number;
  /** Samples of the part that were begun; 0 while they are read. */
  readonly numBegun: number;
  readonly threadId: number;
}

/** What both sides share: where things are, and how failures travel. */
export class Ring {
  readonly handles: RingHandles;
  readonly #control: Int32Array;
  readonly #slots: readonly { readonly inputs: TypedArray; readonly labels: TypedArray }[];

  constructor(handles: RingHandles) {
    this.handles = handles;
    this.#control = new Int32Array(handles.control);
    const { schedule, inputs, labels, numSlots } = handles;
    const { slotBytes, labelsAt } = slotLayout(handles);
    const views = (field: FieldSpec, at: number) =>
      viewOf(handles.data, field.dtype, at, schedule.batchSize * numElements(field.shape));
    this.#slots = Array.from({ length: numSlots }, (_, slot) => ({
      inputs: views(inputs, slot * slotBytes),
      labels: views(labels, slot * slotBytes + labelsAt),
    }));
  }

  /** The whole slot of an item: room for a full batch. */
  slotOf(item: number): { readonly inputs: TypedArray; readonly labels: TypedArray } {
    return this.#slots[item % this.handles.numSlots]!;
  }

  numPartsOf(item: number): number {
    return Math.ceil(itemAt(this.handles.schedule, item).numSamples / this.partSizeOf(item));
  }

  /** Samples that one task fills, of an item that has a slot. */
  partSizeOf(item: number): number {
    return Atomics.load(this.#control, this.#slotBase(item) + slotWord.partSize);
  }

  /** Producer: gives the slot to a new item with nothing done. */
  assign(item: number, partSize: number): void {
    const base = this.#slotBase(item);
    this.#control.fill(0, base + slotWord.parts, base + wordsPerSlot);
    Atomics.store(this.#control, base + slotWord.partSize, partSize);
    Atomics.store(this.#control, base + slotWord.doneParts, 0);
    Atomics.store(this.#control, base + slotWord.item, item);
  }

  /** Producer: this thread works on a part from here on. */
  begin(item: number, part: number, threadId: number): void {
    Atomics.store(this.#control, this.#partBase(item, part) + partWord.thread, threadId);
  }

  /** Producer: the part is in the slot, with so many samples in the place of others that could not be read. May be repeated. */
  finishPart(item: number, part: number, numBad: number): void {
    Atomics.store(this.#control, this.#partBase(item, part) + partWord.numBad, numBad);
    const done = Atomics.or(this.#control, this.#slotBase(item) + slotWord.doneParts, 1 << part) | (1 << part);
    // The engine waits for whole items: to be woken for each part would cost more than a part of small samples takes.
    if (done === 2 ** this.numPartsOf(item) - 1) this.signal();
  }

  isPartDone(item: number, part: number): boolean {
    return (Atomics.load(this.#control, this.#slotBase(item) + slotWord.doneParts) & (1 << part)) !== 0;
  }

  /** Samples of a ready item that could not be read: others are in their places. */
  numBadOf(item: number): number {
    let numBad = 0;
    for (let part = 0; part < this.numPartsOf(item); part++) {
      numBad += Atomics.load(this.#control, this.#partBase(item, part) + partWord.numBad);
    }
    return numBad;
  }

  /** Producer: the sample that a part works on, so that a thread that dies or hangs can be explained. */
  setProgress(
    item: number,
    part: number,
    sample: { readonly part: number; readonly index: number },
    numBegun: number,
  ): void {
    const base = this.#partBase(item, part);
    // Only looked at, now and then: one store that others see at once is enough, and is what a small sample has time for.
    this.#control[base + partWord.source] = sample.part;
    this.#control[base + partWord.numBegun] = numBegun;
    Atomics.store(this.#control, base + partWord.sample, sample.index + 1);
  }

  /** The sample a part works or worked on last; null if it was never begun. */
  progressOf(item: number, part: number): PartProgress | null {
    const [sample, source, numBegun, threadId] = [
      partWord.sample,
      partWord.source,
      partWord.numBegun,
      partWord.thread,
    ].map((at) => Atomics.load(this.#control, this.#partBase(item, part) + at)) as [number, number, number, number];
    return sample === 0 ? null : { index: sample - 1, source, numBegun, threadId };
  }

  isReady(item: number): boolean {
    const base = this.#slotBase(item);
    if (Atomics.load(this.#control, base + slotWord.item) !== item) return false;
    return Atomics.load(this.#control, base + slotWord.doneParts) === 2 ** this.numPartsOf(item) - 1;
  }

  /** Slots that hold a whole batch: those that were taken and not given back, and those that are ready. */
  numReady(): number {
    const { released } = this;
    const end = Math.min(released + this.handles.numSlots, this.handles.stopItem);
    let count = 0;
    for (let item = released; item < end; item++) if (this.isReady(item)) count++;
    return count;
  }

  /** Items before this one are done with; their slots are free. */
  get released(): number {
    return Atomics.load(this.#control, word.released);
  }

  release(item: number): void {
    if (item !== this.released) throw new RangeError(`item ${this.released} must be released before item ${item}`);
    Atomics.add(this.#control, word.released, 1);
    Atomics.notify(this.#control, word.released);
  }

  /** Resolves when `released` is no longer `seen`, or when the ring is closed. Never blocks the thread. */
  async untilReleased(seen: number): Promise<void> {
    const wait = Atomics.waitAsync(this.#control, word.released, seen);
    if (wait.async) await wait.value;
  }

  /** Wakes the engine to look again. */
  signal(): void {
    Atomics.add(this.#control, word.events, 1);
    Atomics.notify(this.#control, word.events);
  }

  /** Blocks until something may have changed since `seen` (from `events`), or `timeoutMs` have passed. */
  waitForEvent(seen: number, timeoutMs: number): void {
    Atomics.wait(this.#control, word.events, seen, timeoutMs);
  }

  get events(): number {
    return Atomics.load(this.#control, word.events);
  }

  /** Ends every wait on both sides. */
  close(): void {
    Atomics.store(this.#control, word.closed, 1);
    this.signal();
    Atomics.notify(this.#control, word.released);
  }

  get closed(): boolean {
    return Atomics.load(this.#control, word.closed) === 1;
  }

  /** Records a failure, once: the first one counts. Safe from any thread. */
  fail(record: ErrorRecord): void {
    const { none, writing, written } = failureStates;
    if (Atomics.compareExchange(this.#control, word.failureState, none, writing) !== none) return;
    const bytes = encodeFailure(record);
    new Int32Array(this.handles.failure, 0, 1)[0] = bytes.length;
    new Uint8Array(this.handles.failure, 4).set(bytes);
    Atomics.store(this.#control, word.failureState, written);
    this.signal();
    // The feed stops to dispatch: it waits for releases only.
    Atomics.notify(this.#control, word.released);
  }

  get failure(): AnnealError | null {
    if (Atomics.load(this.#control, word.failureState) !== failureStates.written) return null;
    const numBytes = new Int32Array(this.handles.failure, 0, 1)[0]!;
    // TextDecoder refuses shared memory: copy first.
    const bytes = new Uint8Array(numBytes);
    bytes.set(new Uint8Array(this.handles.failure, 4, numBytes));
    try {
      return fromRecord(JSON.parse(new TextDecoder().decode(bytes)) as ErrorRecord);
    } catch (cause) {
      return toAnnealError(cause);
    }
  }

  #slotBase(item: number): number {
    return word.slots + (item % this.handles.numSlots) * wordsPerSlot;
  }

  #partBase(item: number, part: number): number {
    return this.#slotBase(item) + slotWord.parts + part * wordsPerPart;
  }
}

/** JSON of a record, its texts shortened until it fits the shared area. */
function encodeFailure(record: ErrorRecord): Uint8Array {
  const encode = (value: ErrorRecord) => new TextEncoder().encode(JSON.stringify(value));
  const whole = encode(record);
  if (whole.length <= failureCapacityBytes) return whole;
  const shorten = (text: string) => text.slice(0, 1_000);
  return encode({ ...record, message: shorten(record.message), remedy: shorten(record.remedy), facts: {} });
}
