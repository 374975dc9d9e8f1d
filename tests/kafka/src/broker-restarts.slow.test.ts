import { join } from "node:path";
import { seededRandom, tempAnnealHome, waitFor } from "@anneal/testing";
import { expect, test, vi } from "vitest";
import { Cluster } from "./test-support/cluster.ts";
import { CountedRun, requireExact } from "./test-support/counted-run.ts";
import { writeCountingRecipe } from "./test-support/counting-recipe.ts";
import { writeCountingTopic } from "./test-support/counting-topic.ts";

vi.setConfig({ testTimeout: 600_000 });

test("the broker and the trainer are killed at random: training pauses, goes on, and ends as if nothing had happened", async () => {
  using home = tempAnnealHome();
  const recipe = writeCountingRecipe(join(home.path, "recipe"));
  await using cluster = await Cluster.start();
  // Records are large, so that not all of them are fetched before the broker goes.
  const numRecords = 640;
  const idOf = await writeCountingTopic(cluster, "ids", numRecords, 100_000);
  const newRun = (runId: string, delayMs: number) =>
    new CountedRun(home.path, runId, {
      recipe: { name: "counting", path: recipe },
      parameters: { broker: cluster.broker.address, topic: "ids", numRecords, window: 30, delayMs },
      checkpoint: { everySteps: 4, keepLast: 1_000 },
    });
  await using whole = newRun("whole", 0);
  await whole.finish();
  await using disturbed = newRun("disturbed", 60);
  await disturbed.prepare();
  const random = seededRandom(7);
  const finishing = disturbed.finish([random.int(5, 30), random.int(40, 70)]);
  for (let kills = 0; kills < 2 && disturbed.last?.finished !== true; kills += 1) {
    await waitFor(() => disturbed.step >= 3 + 25 * kills, { timeoutMs: 120_000, what: "a few steps more" });
    await cluster.broker.kill();
    await new Promise((resolve) => setTimeout(resolve, random.int(500, 4_000)));
    await cluster.broker.restart();
  }
  await finishing;
  const [[reached], [expected]] = [await disturbed.checkpoints(), await whole.checkpoints()];
  expect(reached!.manifest.state).toEqual(expected!.manifest.state);
  expect(reached!.manifest.digest).toBe(expected!.manifest.digest);
  for (const run of [whole, disturbed]) await requireExact(run, idOf, 8);
});
