import type { AnnealError } from "@anneal/contracts";
import type { TypedArray } from "./fields.ts";
import type { Asked } from "./generator/asked.ts";
import { type GeneratorHandles, GeneratorStream } from "./generator/stream.ts";
import { type TopicHandles, TopicStream } from "./topic/topic-stream.ts";

/** A source that is read in its order, by `openStream`: only what it is made of. */
export type StreamHandles = GeneratorHandles | TopicHandles;

/** A sample of a stream. */
export interface StreamSample {
  /** Its number in the epoch. */
  readonly index: number;
  /** Valid until the next sample; zeros where there is a failure. */
  readonly input: TypedArray;
  readonly label: TypedArray;
  /** `BAD_RECORD` for a sample that is not as declared, else null. */
  readonly failure: AnnealError | null;
  /** Of a topic: the record that it is. */
  readonly record?: { readonly partition: number; readonly offset: number };
}

/** Where a stream is entered. */
export interface StreamStart {
  /** Counted from 0. */
  readonly epoch: number;
  /** The first sample to give, from 0. */
  readonly start: number;
  /** The run's seed. */
  readonly seed: number;
  /** Of a topic: a sample that is not behind the first, and the offsets at which the topic is read from there on. */
  readonly position?: { readonly index: number; readonly next: ReadonlyMap<number, number> } | null;
  /** Told when a stream begins to wait for somebody else and, by null, when that is over. */
  readonly onWaiting?: (why: string | null) => void;
  /** Of a generator: where others see what it is asked for. */
  readonly asked?: Asked | null;
}

/** Samples in order, from one on: those at hand without waiting. */
export interface SampleStream {
  /** The next sample, if it is at hand; null where `fill` has to be waited for, and at the end. */
  take(): StreamSample | null;
  /** Waits until there is something to take; false at the end. */
  fill(): Promise<boolean>;
  /** Of a topic: what there is to read of each partition, beyond the bounds too. */
  readonly ends: ReadonlyMap<number, number>;
  close(): Promise<void>;
}

/**
 * The samples `start.start` .. numSamples - 1 of an epoch. What is thrown while they are waited for: `SOURCE_FAILED`, `DATASET_CORRUPT` for a
 * generator that ends early; of a topic what `TopicReader` throws, `DATASET_CHANGED` for one that has fewer records.
 */
export function openStream(handles: StreamHandles, start: StreamStart): SampleStream {
  return handles.origin === "topic" ? new TopicStream(handles, start) : new GeneratorStream(handles, start);
}
