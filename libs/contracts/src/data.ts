/** How batches are prepared at the moment. Chosen while training runs, from what is measured; never changes a number. */
export interface FeedSetting {
  /** Threads that prepare samples. */
  readonly numThreads: number;
  /** Samples that a thread prepares at a time. */
  readonly partSize: number;
  /** Batches that are prepared ahead of the step, the one in its hands included. */
  readonly batchesAhead: number;
}

/** What a run tells of its data. */
export interface DataFacts {
  /** Samples met in training that could not be read: others took their places. */
  readonly numReplaced: number;
  /** Samples that could not be read and were left out when the data was opened. */
  readonly numLeftOut: number;
  /** Where the first few of either are. */
  readonly badPlaces: readonly string[];
  /** Null where nothing was prepared yet. */
  readonly feed: FeedFacts | null;
  /** Of training data that is a topic. */
  readonly topic?: TopicLag;
}

/** How far a run is behind the topic that it reads. */
export interface TopicLag {
  readonly topic: string;
  /** Records that there are and that were not trained, beyond the run's bounds too. */
  readonly lag: number;
  /** Why nothing is read at the moment; null while something is. */
  readonly waitsFor: string | null;
}

export interface FeedFacts extends FeedSetting {
  /** Changes of the setting so far, and why the last one was made; null for none. */
  readonly numChanges: number;
  readonly why: string | null;
  /** Share (0..1) of the time that the threads in use worked. */
  readonly busyShare: number;
  /** Threads that died or hung and were replaced. */
  readonly numThreadDeaths: number;
}

/** What there is to say of a run's data to a person, a line each: bad samples, and how batches are prepared where that was changed. */
export function dataInWords({ numReplaced, numLeftOut, badPlaces, feed, topic }: DataFacts): readonly string[] {
  const replaced = numReplaced > 0 ? [`${numReplaced} bad samples replaced by others`] : [];
  const leftOut = numLeftOut > 0 ? [`${numLeftOut} left out`] : [];
  const places =
    badPlaces.length > 0 ? `: ${badPlaces.slice(0, 2).join("; ")}${badPlaces.length > 2 ? "; …" : ""}` : "";
  const bad = [...replaced, ...leftOut];
  return [
    ...(topic === undefined ? [] : topicInWords(topic)),
    ...(bad.length === 0 ? [] : [`${bad.join(", ")}${places}`]),
    ...(feed === null ? [] : feedInWords(feed)),
  ];
}

function topicInWords({ topic, lag, waitsFor }: TopicLag): readonly string[] {
  const behind = `topic ${topic}: ${lag.toLocaleString("en")} records behind its end`;
  return waitsFor === null ? [behind] : [behind, `waits: ${waitsFor}`];
}

function feedInWords({ numThreads, partSize, batchesAhead, busyShare, numChanges, why }: FeedFacts): readonly string[] {
  if (numChanges === 0) return [];
  const busy = `${Math.round(100 * busyShare)} % busy`;
  const threads = `prepared by ${numThreads} thread${numThreads === 1 ? "" : "s"} (${busy})`;
  return [`${threads}, ${partSize} samples at a time, ${batchesAhead} batches ahead${why === null ? "" : `: ${why}`}`];
}
