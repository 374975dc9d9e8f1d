import { decideBounds, TopicClient, TopicReader } from "@anneal/kafka";
import { expect, test } from "vitest";
import { Cluster } from "./test-support/cluster.ts";
import { numbered, readAll } from "./test-support/records.ts";

test("a broker that is killed is waited for", async () => {
  await using cluster = await Cluster.start();
  await cluster.createTopic("long", 2);
  await cluster.write("long", [...numbered(0, 20), ...numbered(1, 20)]);
  const notes: (string | null)[] = [];
  await using client = await TopicClient.open(cluster.connection, "long", {
    limitMs: 60_000,
    onWaiting: (why) => notes.push(why),
  });
  const bounds = await decideBounds(client, "earliest", "latest", () => true);
  const reader = new TopicReader(client, bounds);
  await cluster.broker.kill();
  const reading = readAll(reader);
  await expect.poll(() => notes.length, { timeout: 10_000 }).toBe(1);
  await cluster.broker.restart();
  expect(await reading).toHaveLength(40);
  expect(notes).toEqual([expect.stringContaining("answers"), null]);
});
