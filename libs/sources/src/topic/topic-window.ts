import type { TopicBounds } from "@anneal/contracts";
import type { WindowRequest } from "@anneal/kafka";
import { keepShares } from "./shares.ts";
import type { TopicHandles } from "./topic-stream.ts";

/** A cluster that is restarted is back in this time; longer, and the run's own patience with failures is asked. */
const windowPatienceMs = 600_000;

/** Decides the next window of a topic that is trained in windows. Throws as `nextWindow`. */
export async function openWindow(
  { connection, bounds, shares, windows }: TopicHandles,
  request: Omit<WindowRequest, "keep" | "numSamples">,
): Promise<TopicBounds | null> {
  const { nextWindow, TopicClient } = await import("@anneal/kafka");
  await using client = await TopicClient.open(connection, bounds.topic, { limitMs: windowPatienceMs });
  // Waited for here: the client is closed when this function ends.
  return await nextWindow(client, { ...request, numSamples: windows!.numSamples, keep: keepShares(shares) });
}
