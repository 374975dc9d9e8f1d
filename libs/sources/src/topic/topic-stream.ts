import { AnnealError, type TopicBounds, type TopicWindows } from "@anneal/contracts";
import type { KafkaConnection, TopicClient, TopicReader, TopicRecord } from "@anneal/kafka";
import type { FieldSpec, SampleSpec } from "../fields.ts";
import { checkedSample } from "../generator/sample-checks.ts";
import type { SampleStream, StreamSample, StreamStart } from "../stream.ts";
import type { KeyShare, TopicFormat } from "./declaration.ts";
import { createDecoder, type Decode } from "./decode.ts";
import { keepShares } from "./shares.ts";

/** A topic between bounds, as threads read it. */
export interface TopicHandles {
  readonly kind: "stream";
  readonly origin: "topic";
  readonly place: string;
  readonly connection: KafkaConnection;
  readonly bounds: TopicBounds;
  readonly format: TopicFormat;
  readonly group: string | null;
  readonly windows: TopicWindows | null;
  readonly shares: readonly KeyShare[];
  readonly numSamples: number;
  readonly inputField: SampleSpec;
  readonly labelField: FieldSpec;
  readonly numClasses: number | null;
  readonly canSeek: true;
}

/** A cluster that is upgraded, or moved, is back in this time. Longer, and the run's own patience with failures is asked. */
const readPatienceMs = 600_000;

/** The samples of a topic from one on, in the order of its records. Connects when it is first asked to wait. */
export class TopicStream implements SampleStream {
  readonly #handles: TopicHandles;
  readonly #start: StreamStart;
  readonly #keep: (record: TopicRecord) => boolean;
  #client: TopicClient | null = null;
  #reader: TopicReader | null = null;
  #decode: Decode | null = null;
  /** Of the next sample. */
  #index: number;

  constructor(handles: TopicHandles, start: StreamStart) {
    this.#handles = handles;
    this.#start = start;
    this.#keep = keepShares(handles.shares);
    this.#index = start.position?.index ?? 0;
  }

  take(): StreamSample | null {
    const reader = this.#reader;
    if (reader === null || this.#index >= this.#handles.numSamples) return null;
    for (;;) {
      const record = reader.take();
      if (record === null) return null;
      if (!this.#keep(record)) continue;
      const index = this.#index++;
      // Those before were only read to get here.
      if (index >= this.#start.start) return this.#sampleOf(record, index);
    }
  }

  async fill(): Promise<boolean> {
    const { numSamples, place } = this.#handles;
    if (this.#index >= numSamples) return false;
    const reader = this.#reader ?? (await this.#open());
    if (await reader.fill()) return true;
    throw fewerRecords(place, numSamples, this.#index);
  }

  get ends(): ReadonlyMap<number, number> {
    return this.#reader?.ends ?? new Map();
  }

  async close(): Promise<void> {
    await this.#client?.[Symbol.asyncDispose]();
  }

  async #open(): Promise<TopicReader> {
    const { connection, bounds, format, inputField, labelField } = this.#handles;
    if (bounds.window === -1) throw undecided(this.#handles.place);
    const { position, onWaiting } = this.#start;
    // Loaded by who reads a topic alone.
    const { TopicClient, TopicReader } = await import("@anneal/kafka");
    this.#decode = await createDecoder(format, inputField, labelField);
    const patience = { limitMs: readPatienceMs, ...(onWaiting && { onWaiting }) };
    this.#client = await TopicClient.open(connection, bounds.topic, patience);
    const next = bounds.ranges.map(({ partition, from }) => position?.next.get(partition) ?? from);
    this.#reader = new TopicReader(this.#client, bounds, next);
    return this.#reader;
  }

  #sampleOf(record: TopicRecord, index: number): StreamSample {
    const { partition, offset } = record;
    const decode = this.#decode!;
    const place = () => `${this.#handles.place}, partition ${partition}, offset ${offset}`;
    const sample = checkedSample(this.#handles, index, () => decode(record), place);
    return { ...sample, record: { partition, offset } };
  }
}

function undecided(place: string): AnnealError {
  return new AnnealError(
    "RECIPE_INVALID",
    `${place} is trained in windows: before the first there is nothing to try precisions on`,
    "Name the precision (float32, bfloat16) in place of auto.",
    { place },
  );
}

function fewerRecords(place: string, expected: number, found: number): AnnealError {
  return new AnnealError(
    "DATASET_CHANGED",
    `${place} has ${found} of the ${expected} records that the run was prepared with: others were compacted away.`,
    "Train on a topic that keeps its records (cleanup.policy=delete), or start a new run on what there is.",
    { place, expected, found },
  );
}
