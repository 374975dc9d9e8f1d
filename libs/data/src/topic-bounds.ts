import type { TopicBounds } from "@anneal/contracts";
import type { OpenDataset } from "./open.ts";

/** What is read of the topic that a data set is; null for one that is none. */
export function topicBoundsOf({ parts }: Pick<OpenDataset, "parts">): TopicBounds | null {
  const source = parts[0]?.source;
  return source?.kind === "stream" && source.origin === "topic" ? source.bounds : null;
}
