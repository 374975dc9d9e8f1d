import type { TopicBounds } from "@anneal/contracts";
import type { TopicHandles } from "@anneal/sources";
import type { OpenDataset } from "./open.ts";

/** The topic that a data set is; null for one that is none. */
export function topicOf({ parts }: Pick<OpenDataset, "parts">): TopicHandles | null {
  const source = parts[0]?.source;
  return source?.kind === "stream" && source.origin === "topic" ? source : null;
}

/** A data set that is a topic in windows, at one of them: all of its samples, or the first so many. */
export function atWindow(dataset: OpenDataset, bounds: TopicBounds, numSamples = bounds.numSamples): OpenDataset {
  const source: TopicHandles = { ...topicOf(dataset)!, bounds, numSamples };
  return { ...dataset, numSamples, parts: dataset.parts.map((part) => ({ ...part, source, numSamples })) };
}
