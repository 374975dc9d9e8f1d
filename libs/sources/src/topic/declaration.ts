import type { Json, TopicWindows } from "@anneal/contracts";
import type { KafkaConnection, Position } from "@anneal/kafka";
import { type FieldSpec, formatField, isRagged, type SampleSpec } from "../fields.ts";

/** What a record's value is. */
export type TopicFormat =
  /** An object: the inputs are the numbers in these of its fields, one after another; the label is another. `a.b` is `b` in `a`. */
  | { readonly kind: "json"; readonly inputs: readonly string[]; readonly label: string }
  /** The bytes of the inputs, then those of the label, little-endian, as `inputs` and `labels` say. */
  | { readonly kind: "raw" }
  /** A function of the person's own: `export default (record, options) => ({input, label})`. */
  | { readonly kind: "module"; readonly module: string; readonly exportName: string; readonly options: Json };

/** Records whose number of this seed, uniform in 0..1 by their key, is within from..to. */
export interface KeyShare {
  readonly seed: number;
  readonly from: number;
  readonly to: number;
}

/** Records of a topic of Kafka: so many as there are when a run is prepared, or up to a time. */
export interface TopicDeclaration {
  readonly kind: "topic";
  readonly connection: KafkaConnection;
  readonly topic: string;
  readonly from: Position;
  readonly to: Position;
  readonly format: TopicFormat;
  readonly inputs: SampleSpec;
  readonly labels: FieldSpec;
  readonly numClasses: number | null;
  /** The consumer group that is told where a run is; null for one of the run's own. */
  readonly group: string | null;
  /** Trained in windows, one after another, instead of up to an end. */
  readonly windows: TopicWindows | null;
  /** A record must be within all of them. */
  readonly shares: readonly KeyShare[];
}

/** A moment in a topic as people give it: also a time, ISO 8601 or milliseconds since 1970, or offsets by partition. */
export type TopicPosition =
  | "earliest"
  | "latest"
  | string
  | number
  | { readonly offsets: Readonly<Record<number, number>> };

export interface TopicOptions {
  /** How brokers are reached. Passwords and keys are named (`{env: "KAFKA_PASSWORD"}`, `{file: "/run/secrets/kafka"}`), never given. */
  readonly connection: KafkaConnection;
  readonly topic: string;
  /** The first record; `earliest` by default. Of each partition the first that is not older than a time. */
  readonly from?: TopicPosition;
  /** The first record that is not read any more; by default what there is when the run is prepared. A time must have passed. */
  readonly to?: TopicPosition;
  /**
   * The consumer group that the cluster is told of after each checkpoint, for whoever watches lags. It belongs to one run: by default one of
   * the run's own, `anneal-<run>-<time>`.
   */
  readonly group?: string;
  /**
   * Trains for as long as the run goes on, on windows of so many records, each once: an epoch is a window. `numEvaluated` of each, by default
   * all, are evaluated before the window is trained: what the model makes of records that it has not seen. There is no `to` then.
   */
  readonly windows?: { readonly numRecords: number; readonly numEvaluated?: number };
  readonly format:
    | { readonly kind: "json"; readonly inputs: readonly string[]; readonly label: string }
    | { readonly kind: "raw" }
    | { readonly kind: "module"; readonly module: string; readonly exportName?: string; readonly options?: Json };
  readonly inputs: SampleSpec;
  readonly labels: FieldSpec;
  /** Of labels that are classes, int32 scalars: how many classes there are. */
  readonly numClasses?: number;
}

/**
 * Records of a topic, in one order over all of its partitions.
 *
 * @throws RangeError for a time that is none or lies ahead, a number of classes that is no integer from 1, fields that the format cannot have
 */
export function topicSource(options: TopicOptions): TopicDeclaration {
  const { connection, topic, from = "earliest", to = "latest", format, inputs, labels, numClasses = null } = options;
  const { group = null, windows } = options;
  if (windows !== undefined && options.to !== undefined)
    throw new RangeError("a topic in windows has no end: leave out to");
  if (numClasses !== null && !(Number.isInteger(numClasses) && numClasses >= 1)) {
    throw new RangeError(`numClasses must be an integer from 1, not ${numClasses}`);
  }
  if (format.kind === "raw" && isRagged(inputs)) {
    throw new RangeError(`raw records have inputs of one length, not ${formatField(inputs)}`);
  }
  const end = positionOf("to", to);
  if (typeof end === "number" && end > Date.now()) {
    throw new RangeError(`to must be a time that has passed: records may still come before ${String(to)}`);
  }
  const made: TopicFormat = format.kind === "module" ? { exportName: "default", options: null, ...format } : format;
  return {
    kind: "topic",
    connection,
    topic,
    from: positionOf("from", from),
    to: end,
    format: made,
    inputs,
    labels,
    numClasses,
    group,
    windows: windows === undefined ? null : windowsOf(windows),
    shares: [],
  };
}

function windowsOf({ numRecords, numEvaluated = numRecords }: NonNullable<TopicOptions["windows"]>): TopicWindows {
  const isCount = (count: number, least: number) => Number.isInteger(count) && count >= least;
  if (isCount(numRecords, 1) && isCount(numEvaluated, 0) && numEvaluated <= numRecords) {
    return { numSamples: numRecords, numEvaluated };
  }
  throw new RangeError("windows need numRecords, an integer from 1, and numEvaluated, one from 0 that is not more");
}

function positionOf(name: string, position: TopicPosition): Position {
  if (position === "earliest" || position === "latest" || typeof position === "object") return position;
  const ms = typeof position === "number" ? position : Date.parse(position);
  if (Number.isSafeInteger(ms) && ms >= 0) return ms;
  throw new RangeError(`${name} must be "earliest", "latest", a time or offsets, not ${String(position)}`);
}
