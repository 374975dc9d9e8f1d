import { waitFor } from "@anneal/testing";
import { expect } from "vitest";
import type { Cluster } from "./cluster.ts";
import { CountedRun, requireExact } from "./counted-run.ts";

const [numWindows, windowRecords, batchSize] = [3, 64, 8];

/**
 * Trains three windows of a topic that is written to meanwhile and gets a partition more, with the trainer killed when it is at these steps.
 * What is left over at the end is not trained.
 */
export async function trainInWindows(
  cluster: Cluster,
  { home, recipe, killAt }: { home: string; recipe: string; killAt: readonly number[] },
): Promise<void> {
  const topic = `windows-${killAt.length}`;
  const numRecords = numWindows * windowRecords + 40;
  const idOf = new Map<string, number>();
  const numIn = [0, 0, 0];
  /** Writes the next records, to so many partitions in turn. */
  const write = async (count: number, partitions: number) => {
    const first = idOf.size;
    const records = Array.from({ length: count }, (_, i) => {
      const [id, partition] = [first + i, i % partitions];
      idOf.set(`${partition}:${numIn[partition]!++}`, id);
      return { partition, value: JSON.stringify({ id }) };
    });
    await cluster.write(topic, records);
  };
  await cluster.createTopic(topic, 2);
  await write(30, 2);
  await using run = new CountedRun(home, topic, {
    recipe: { name: "counting", path: recipe },
    parameters: {
      broker: cluster.broker.address,
      topic,
      numRecords,
      batchSize,
      epochs: numWindows,
      windowRecords,
      window: 20,
      delayMs: 2,
      group: topic,
    },
    checkpoint: { everySteps: 3, keepLast: 1_000 },
  });
  const { plan } = await run.prepare();
  expect(plan).toMatchObject({ stepsPerEpoch: 8, totalSteps: 24, windows: { numSamples: 64, numEvaluated: 24 } });
  const finishing = run.finish(killAt);
  await write(50, 2);
  await waitFor(() => run.windows.length > 0, { what: "the first window", timeoutMs: 60_000 });
  await cluster.addPartitions(topic, 3);
  await write(numRecords - 80, 3);
  const { step } = await finishing;
  expect([step, run.numCrashes]).toEqual([24, killAt.length]);
  expect(run.windows.map(({ window, ranges }) => [window, ranges.length])).toEqual([
    [0, 2],
    [1, 3],
    [2, 3],
  ]);
  // Each window begins where the one before has ended.
  for (const [k, { ranges }] of run.windows.entries()) {
    for (const { partition, from } of ranges) {
      expect(from).toBe(run.windows[k - 1]?.ranges.find((each) => each.partition === partition)?.to ?? 0);
    }
  }
  // A weight sinks by 1 when it is trained: of what was not trained before, the mean is 0.
  expect(run.evaluations.map(({ window, numSamples, metrics }) => [window, numSamples, metrics.loss])).toEqual([
    [0, 24, 0],
    [1, 24, 0],
    [2, 24, 0],
  ]);
  await requireExact(run, idOf, batchSize);
  const [last] = await run.checkpoints();
  expect(last!.counts.filter((count) => count === 1)).toHaveLength(numWindows * windowRecords);
  const ends = run.windows.at(-1)!.ranges.map(({ to }) => to);
  await expect.poll(() => cluster.groupOffsets(topic), { timeout: 10_000 }).toEqual(ends);
}
