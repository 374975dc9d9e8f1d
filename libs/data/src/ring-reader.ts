import { AnnealError } from "@anneal/contracts";
import { numElements, type TypedArray } from "@anneal/sources";
import { Ring, type RingHandles } from "./ring.ts";
import { itemAt, type ScheduleItem } from "./schedule.ts";

/** A batch in the ring: valid until it is released. */
export interface FeedItem extends ScheduleItem {
  /** Place in the linear sequence. */
  readonly index: number;
  /** [numSamples, ...shape], a view of the slot (64-byte aligned shared memory), not a copy. */
  readonly inputs: TypedArray;
  /** [numSamples, ...label shape], also a view of the slot. */
  readonly labels: TypedArray;
  /** How long this call had to wait. */
  readonly waitedMs: number;
  /** Samples that could not be read: others are in their places. */
  readonly numBad: number;
}

/** How long the reader waited for data, in ms: shared, so that the main thread can read it at any time. */
export interface WaitStats {
  readonly numItems: number;
  readonly totalMs: number;
  /** The part of the total spent before the first batch of a phase. The very first batch of a feed counts as start. */
  readonly boundaryMs: number;
  readonly startMs: number;
}

const waitWord = { numItems: 0, totalUs: 1, boundaryUs: 2, startUs: 3 } as const;
/** Wake-ups come by `Atomics.notify`; the limit only guards against one that was lost with a killed thread. */
const recheckMs = 200;

/** The engine's side of the ring. Blocks its thread, so never use it on the thread that keeps heartbeats going. */
export class RingReader {
  readonly handles: RingHandles;
  readonly #ring: Ring;
  readonly #waits: BigInt64Array;
  #next: number;

  constructor(handles: RingHandles) {
    this.handles = handles;
    this.#ring = new Ring(handles);
    this.#waits = new BigInt64Array(handles.waits);
    this.#next = this.#ring.released;
  }

  /** Place in the sequence of the item that `next` will give. */
  get cursor(): number {
    return this.#next;
  }

  /**
   * The next batch, waiting until it is ready; null after the last one. Batches that were ready before a failure are
   * still given. Throws the failure of a producer, or `PREEMPTED` when the feed was closed.
   */
  next(): FeedItem | null {
    const index = this.#next;
    if (index >= this.handles.stopItem) return null;
    if (index >= this.#ring.released + this.handles.numSlots) {
      throw new RangeError(`all ${this.handles.numSlots} slots are held: release item ${this.#ring.released} first`);
    }
    const startedAt = performance.now();
    const waited = this.#untilReady(index);
    const waitedMs = waited ? performance.now() - startedAt : 0;
    const item = itemAt(this.handles.schedule, index);
    this.#count(item, index, waitedMs);
    const { inputs, labels } = this.#ring.slotOf(index);
    this.#next = index + 1;
    return {
      ...item,
      index,
      inputs: inputs.subarray(0, item.numSamples * numElements(this.handles.inputs.shape)),
      labels: labels.subarray(0, item.numSamples * numElements(this.handles.labels.shape)),
      waitedMs,
      numBad: this.#ring.numBadOf(index),
    };
  }

  /** Slots that hold a whole batch: those that were taken and not given back, and those that are ready. */
  numFilled(): number {
    return this.#ring.numReady();
  }

  /** Gives the slot of an item back. Items are released in order, after the call that reads them has returned. */
  release(index: number): void {
    if (index >= this.#next) throw new RangeError(`item ${index} was not taken yet`);
    this.#ring.release(index);
  }

  /** Returns whether it had to wait. */
  #untilReady(index: number): boolean {
    for (let waited = false; ; waited = true) {
      const seen = this.#ring.events;
      if (this.#ring.isReady(index)) return waited;
      const failure = this.#ring.failure;
      if (failure !== null) throw failure;
      if (this.#ring.closed) {
        throw new AnnealError("PREEMPTED", "The feed was closed.", "Resume the run; no work is lost.", { item: index });
      }
      this.#ring.waitForEvent(seen, recheckMs);
    }
  }

  #count(item: ScheduleItem, index: number, waitedMs: number): void {
    const waitedUs = BigInt(Math.round(waitedMs * 1_000));
    Atomics.add(this.#waits, waitWord.numItems, 1n);
    Atomics.add(this.#waits, waitWord.totalUs, waitedUs);
    if (index === this.handles.startItem) Atomics.add(this.#waits, waitWord.startUs, waitedUs);
    else if (item.batch === 0) Atomics.add(this.#waits, waitWord.boundaryUs, waitedUs);
  }
}

export function readWaitStats(handles: RingHandles): WaitStats {
  const waits = new BigInt64Array(handles.waits);
  const ms = (at: number) => Number(Atomics.load(waits, at)) / 1_000;
  return {
    numItems: Number(Atomics.load(waits, waitWord.numItems)),
    totalMs: ms(waitWord.totalUs),
    boundaryMs: ms(waitWord.boundaryUs),
    startMs: ms(waitWord.startUs),
  };
}
