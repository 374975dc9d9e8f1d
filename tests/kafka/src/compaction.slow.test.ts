import { kafkaTopic, openDataset, topicOf } from "@anneal/data";
import { openStream } from "@anneal/sources";
import { expect, test, vi } from "vitest";
import { Cluster } from "./test-support/cluster.ts";

vi.setConfig({ testTimeout: 300_000 });

test("a topic that is compacted, or gets partitions, after a run was prepared: what is gone is told, what is new is not read", async () => {
  await using cluster = await Cluster.start({ settings: { "log.cleaner.backoff.ms": "100" } });
  const compacts = { "cleanup.policy": "compact", "segment.ms": "200", "min.cleanable.dirty.ratio": "0.01" };
  await cluster.createTopic("prices", 1, compacts);
  const write = (count: number) =>
    cluster.write(
      "prices",
      Array.from({ length: count }, (_, i) => ({
        partition: 0,
        key: `k${i % 5}`,
        value: JSON.stringify({ x: i, y: 1 }),
      })),
    );
  await write(100);
  const open = () =>
    openDataset(
      kafkaTopic({
        connection: cluster.connection,
        topic: "prices",
        format: { kind: "json", inputs: ["x"], label: "y" },
        inputs: { shape: [1], dtype: "float32" },
        labels: { shape: [1], dtype: "float32" },
      }),
    );
  const prepared = await open();
  expect(prepared.numSamples).toBe(100);
  const read = async (dataset: typeof prepared) => {
    const stream = openStream(topicOf(dataset)!, { epoch: 0, start: 0, seed: 0 });
    try {
      const inputs: number[] = [];
      while (await stream.fill()) {
        for (let sample = stream.take(); sample !== null; sample = stream.take()) inputs.push(sample.input[0]!);
      }
      return inputs;
    } finally {
      await stream.close();
    }
  };
  await cluster.addPartitions("prices", 2);
  await cluster.write("prices", [{ partition: 1, key: "new", value: JSON.stringify({ x: -1, y: 1 }) }]);
  expect(await read(prepared)).toEqual(Array.from({ length: 100 }, (_, i) => i));
  expect((await open()).numSamples).toBe(101);
  // What is written later begins a new segment, and the one before is compacted.
  const numThere = async () => {
    await write(5);
    return (await open()).numSamples;
  };
  await expect.poll(numThere, { timeout: 120_000, interval: 1_000 }).toBeLessThan(60);
  await expect(read(prepared)).rejects.toMatchObject({
    code: "DATASET_CHANGED",
    message: expect.stringContaining("compacted"),
    facts: { expected: 100 },
  });
  // A run that is prepared now trains on what there is, gaps or not.
  const now = await open();
  expect(await read(now)).toHaveLength(now.numSamples);
});
