import type { TopicHandles } from "@anneal/sources";
import type { OpenDataset } from "./open.ts";

/** The topic that a data set is; null for one that is none. */
export function topicOf({ parts }: Pick<OpenDataset, "parts">): TopicHandles | null {
  const source = parts[0]?.source;
  return source?.kind === "stream" && source.origin === "topic" ? source : null;
}
