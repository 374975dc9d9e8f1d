import { expect } from "vitest";
import type { Cluster } from "./cluster.ts";
import { CountedRun, requireExact } from "./counted-run.ts";
import { writeCountingTopic } from "./counting-topic.ts";

const [numRecords, epochs, batchSize] = [400, 2, 8];

/**
 * Trains on a topic twice: undisturbed, and with the trainer killed when it is at these steps. Both must end in the same state, and the
 * weights of every checkpoint be those that its offsets say.
 */
export async function trainWithKills(
  cluster: Cluster,
  { home, recipe, window, killAt }: { home: string; recipe: string; window: number; killAt: readonly number[] },
): Promise<void> {
  const topic = `ids-${window}-${killAt.length}`;
  const idOf = await writeCountingTopic(cluster, topic, numRecords);
  expect(idOf.size).toBe(numRecords);
  const newRun = (name: string, delayMs: number) =>
    new CountedRun(home, `${name}-${topic}`, {
      recipe: { name: "counting", path: recipe },
      parameters: { broker: cluster.broker.address, topic, numRecords, epochs, batchSize, window, delayMs },
      checkpoint: { everySteps: 5, keepLast: 1_000 },
    });
  await using whole = newRun("whole", 0);
  await whole.finish();
  await using killed = newRun("killed", 2);
  await killed.finish(killAt);
  // Of two that are close to each other, the trainer may pass both before it says so.
  expect(killed.numCrashes).toBeGreaterThan(killAt.length / 2);
  const [[reached], [expected]] = [await killed.checkpoints(), await whole.checkpoints()];
  expect(reached!.manifest.state).toEqual(expected!.manifest.state);
  expect(reached!.counts).toEqual(Array.from({ length: numRecords }, () => epochs));
  for (const run of [whole, killed]) await requireExact(run, idOf, batchSize);
}
