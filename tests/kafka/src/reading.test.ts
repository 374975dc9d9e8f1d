import { decideBounds, type KafkaConnection, type Position, TopicClient, TopicReader } from "@anneal/kafka";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Cluster } from "./test-support/cluster.ts";
import { numbered, readAll } from "./test-support/records.ts";

let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.start();
});
afterAll(() => cluster?.[Symbol.asyncDispose]());

const patience = { limitMs: 20_000 };
const all = () => true;

function open(topic: string, connection: KafkaConnection = cluster.connection) {
  return TopicClient.open(connection, topic, patience);
}

test("reads what is committed in one order, from any place on; offsets without records do not matter", async () => {
  await cluster.createTopic("mixed", 3);
  await cluster.write("mixed", numbered(0, 40));
  await cluster.writeInTransaction("mixed", [...numbered(0, 5, 40), ...numbered(1, 5)], "abort");
  await cluster.writeInTransaction("mixed", [...numbered(0, 5, 45), ...numbered(1, 5, 5)], "commit");
  await cluster.write("mixed", numbered(1, 7, 10));
  await using client = await open("mixed");
  const bounds = await decideBounds(client, "earliest", "latest", all);
  // A marker for each transaction in each of its partitions.
  expect(bounds.ranges).toEqual([
    { partition: 0, from: 0, to: 52 },
    { partition: 1, from: 0, to: 19 },
    { partition: 2, from: 0, to: 0 },
  ]);
  expect(bounds.numSamples).toBe(57);
  const whole = await readAll(new TopicReader(client, bounds));
  expect(whole).toHaveLength(57);
  expect(new Set(whole).size).toBe(57);
  expect(whole.filter((record) => record.startsWith("0:")).slice(38, 42)).toEqual([
    "0:38=0/38",
    "0:39=0/39",
    "0:46=0/45",
    "0:47=0/46",
  ]);
  for (const cut of [1, 20, 41, 56]) {
    const next = [0, 0, 0];
    for (const record of whole.slice(0, cut)) next[Number(record[0])] = Number(/:(\d+)/.exec(record)![1]) + 1;
    expect(await readAll(new TopicReader(client, bounds, next))).toEqual(whole.slice(cut));
  }
});

test("bounds are moments, times or offsets, decided once", async () => {
  await cluster.createTopic("timed", 2);
  const noon = Date.UTC(2026, 0, 1, 12);
  const at = (partition: number, minute: number) => ({ partition, value: "x", timestamp: noon + 60_000 * minute });
  await cluster.write("timed", [at(0, 0), at(0, 1), at(0, 2), at(1, 1), at(1, 5)]);
  await using client = await open("timed");
  const between = async (from: Position, to: Position) => {
    const { ranges, numSamples } = await decideBounds(client, from, to, all);
    return { ranges: ranges.map((range) => [range.from, range.to]), numSamples };
  };
  expect(await between("earliest", noon + 60_000)).toEqual({
    ranges: [
      [0, 1],
      [0, 0],
    ],
    numSamples: 1,
  });
  expect(await between(noon + 60_000, "latest")).toEqual({
    ranges: [
      [1, 3],
      [0, 2],
    ],
    numSamples: 4,
  });
  expect(await between(noon + 3_600_000, "latest")).toEqual({
    ranges: [
      [3, 3],
      [2, 2],
    ],
    numSamples: 0,
  });
  expect(await between({ offsets: { 1: 1 } }, { offsets: { 0: 2, 1: 99 } })).toEqual({
    ranges: [
      [0, 2],
      [1, 2],
    ],
    numSamples: 3,
  });
  expect(await decideBounds(client, "earliest", "latest", ({ offset }) => offset > 0)).toMatchObject({ numSamples: 3 });
  await expect(decideBounds(client, { offsets: { 2: 0 } }, "latest", all)).rejects.toMatchObject({
    code: "RECIPE_INVALID",
    facts: { partition: "2" },
  });
});

test("what is gone says so: the topic, its records, the topic that took its name", async () => {
  await expect(open("absent")).rejects.toMatchObject({ code: "TOPIC_NOT_FOUND", facts: { topic: "absent" } });
  await cluster.createTopic("going", 1);
  await cluster.write("going", numbered(0, 30));
  await using client = await open("going");
  const bounds = await decideBounds(client, "earliest", "latest", all);
  await cluster.expire("going", 0, 12);
  await expect(readAll(new TopicReader(client, bounds, [7]))).rejects.toMatchObject({
    code: "OFFSETS_EXPIRED",
    facts: { topic: "going", partition: 0, wanted: 7, first: 12 },
  });
  await expect(decideBounds(client, { offsets: { 0: 5 } }, "latest", all)).rejects.toMatchObject({
    code: "OFFSETS_EXPIRED",
  });
  expect(await readAll(new TopicReader(client, bounds, [12]))).toHaveLength(18);
  await client.requireSame(bounds.topicId);
  await cluster.deleteTopic("going");
  // A broker may go on giving the records of a topic for a moment after it was told to delete it.
  const reading = () => readAll(new TopicReader(client, bounds, [12])).then(String, ({ code }) => code);
  await expect.poll(reading, { timeout: 20_000 }).toBe("TOPIC_NOT_FOUND");
  await cluster.createTopic("going", 1);
  await expect.poll(reading, { timeout: 20_000 }).toBe("DATASET_CHANGED");
});

test("a broker that never answers is an error in time", async () => {
  const nobody = { brokers: ["127.0.0.1:9"] };
  await expect(TopicClient.open(nobody, "any", { limitMs: 500 })).rejects.toMatchObject({
    code: "BROKER_UNREACHABLE",
    facts: { brokers: "127.0.0.1:9" },
  });
});
