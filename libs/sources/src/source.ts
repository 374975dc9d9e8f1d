import type { AnnealError, TopicBounds } from "@anneal/contracts";
import type { FieldSpec, SampleSpec, TypedArray } from "./fields.ts";

/** What opening a source may use, and how strict it is. */
export interface SourceContext {
  /** Where what is converted, indexed or downloaded once is kept. */
  readonly cacheDirectory: string;
  /** Bytes of samples that may be kept in memory; what does not fit is read from its file sample by sample. */
  readonly memoryBytes: number;
  /** What to do about records that cannot be read and are found while opening: leave them out and count them, or fail. */
  readonly onBadRecord: "fail" | "skip";
  /** What of a topic is read, where that was decided when the run was prepared. */
  readonly topicBounds?: TopicBounds | null;
  /** How long the person's own code may take for a sample before it is said. Default: `defaultSampleTimeoutMs`. */
  readonly sampleTimeoutMs?: number;
  /** Told what is waited for, where that takes longer. */
  readonly onWaiting?: (what: string) => void;
  readonly signal?: AbortSignal;
}

/** Longer than this on one sample is an endless loop, or a disk that does not answer. */
export const defaultSampleTimeoutMs = 30_000;

/** Records that were left out while a source was opened. */
export interface BadRecords {
  readonly count: number;
  /** Where the first few of them are. */
  readonly places: readonly string[];
}

/** A column of a source's inputs that has a name. */
export interface InputColumn {
  readonly name: string;
  /** Of a column of categories: the values that its codes 0, 1, … stand for. */
  readonly categories: readonly string[] | null;
}

/** What a kind of source finds out about its samples. `Handles` is plain data and shared memory: it can be posted to threads. */
export interface CheckedSource<Handles> {
  readonly numSamples: number;
  readonly numClasses: number | null;
  /** What the classes are called, in their order; null where the data does not say. */
  readonly classNames: readonly string[] | null;
  readonly input: SampleSpec;
  readonly label: FieldSpec;
  /** The columns that a sample's input is made of, in their order; null where they have no names. */
  readonly columns: readonly InputColumn[] | null;
  /** sha256 (hex) over what the samples are: other content, another digest; other places, the same. */
  readonly digest: string;
  /** Whether any sample can be read at any time. Only a stream cannot. */
  readonly canSeek: boolean;
  /**
   * A hash of each sample that stays when others are added, in shared memory: what splits go by. Null: a sample's index stays when
   * others are added, and is its key.
   */
  readonly keys: BigUint64Array | null;
  readonly badRecords: BadRecords;
  readonly handles: Handles;
}

/** Reads samples of a source; one for each thread. */
export interface SampleReader {
  /**
   * Makes ready the samples with these indices in the source. Whatever was loaded before is gone; another call must wait until
   * this one has finished. It gives no promise where there is nothing to wait for.
   */
  load(indices: Uint32Array): void | Promise<void>;
  /** The input of the k-th sample that is loaded: a view that must not be written, valid until the next `load`. */
  input(k: number): TypedArray;
  /** Copies the label of the k-th sample that is loaded into `target` at `offset` (in elements). */
  readLabel(k: number, target: TypedArray, offset: number): void;
  /** `BAD_RECORD` if the k-th sample could not be loaded, else null. */
  failureOf(k: number): AnnealError | null;
  /** Where the sample with this index in the source comes from, for people: `file:line`, a path, a row. */
  placeOf(index: number): string;
}

export const noBadRecords: BadRecords = { count: 0, places: [] };
