import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import type { Cluster } from "./cluster.ts";
import { CountedRun, requireExact } from "./counted-run.ts";
import { writeCountingTopic } from "./counting-topic.ts";

const command = fileURLToPath(new URL("../../../../apps/cli/src/main.ts", import.meta.url));

/** As the command line says it, with no server about. */
function provenanceOf(checkpoint: string): unknown {
  const args = [command, "provenance", checkpoint, "--json"];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8" }));
}

const [numRecords, epochs, batchSize] = [400, 2, 8];

/**
 * Trains on a topic twice: undisturbed, and with the trainer killed when it is at these steps. Both must end in the same state, and the
 * weights of every checkpoint be those that its offsets say. What the cluster was told is never beyond what a checkpoint has.
 */
export async function trainWithKills(
  cluster: Cluster,
  { home, recipe, window, killAt }: { home: string; recipe: string; window: number; killAt: readonly number[] },
): Promise<void> {
  const topic = `ids-${window}-${killAt.length}`;
  const idOf = await writeCountingTopic(cluster, topic, numRecords);
  expect(idOf.size).toBe(numRecords);
  const newRun = (name: string, delayMs: number, prefix = name) =>
    new CountedRun(home, `${prefix}-${topic}`, {
      recipe: { name: "counting", path: recipe },
      parameters: {
        broker: cluster.broker.address,
        topic,
        numRecords,
        epochs,
        batchSize,
        window,
        delayMs,
        group: `${name}-${topic}`,
      },
      checkpoint: { everySteps: 5, keepLast: 1_000 },
    });
  await using whole = newRun("whole", 0);
  await whole.finish();
  await using killed = newRun("killed", 2);
  await killed.finish(killAt, async () => {
    const [newest] = await killed.checkpoints();
    const { pass, partitions } = newest!.manifest.state.cursor.topic!;
    const told = await cluster.groupOffsets(`killed-${topic}`);
    expect(told).toHaveLength(3);
    for (const { partition, next, to } of partitions) expect(told[partition]).toBeLessThanOrEqual(pass > 0 ? to : next);
  });
  // Of two that are close to each other, the trainer may pass both before it says so.
  expect(killed.numCrashes).toBeGreaterThan(killAt.length / 2);
  const [[reached], [expected]] = [await killed.checkpoints(), await whole.checkpoints()];
  expect(reached!.manifest.state).toEqual(expected!.manifest.state);
  expect(reached!.counts).toEqual(Array.from({ length: numRecords }, () => epochs));
  for (const run of [whole, killed]) await requireExact(run, idOf, batchSize);
  const ends = expected!.manifest.state.cursor.topic!.partitions.map(({ to }) => to);
  await expect.poll(() => cluster.groupOffsets(`killed-${topic}`), { timeout: 10_000 }).toEqual(ends);
  expect(provenanceOf(reached!.path)).toMatchObject({
    digest: reached!.manifest.digest,
    topic: { topic, pass: epochs, partitions: ends.map((to, partition) => ({ partition, to })) },
  });
  await using second = newRun("killed", 0, "second");
  await expect(second.prepare()).rejects.toMatchObject({
    code: "GROUP_TAKEN",
    facts: { group: `killed-${topic}`, owner: expect.stringContaining(`killed-${topic} of `) },
  });
  expect(await second.checkpoints()).toEqual([]);
}
