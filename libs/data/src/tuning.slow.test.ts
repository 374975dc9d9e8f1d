import { availableParallelism } from "node:os";
import { expect, test } from "vitest";
import { digests, numbers, readFeed } from "./fixtures/read-feed.ts";
import { openDataset } from "./open.ts";
import { trainingPlan } from "./plan.ts";
import { transform } from "./transform.ts";

const fixtures = import.meta.resolve("./fixtures/transforms.ts");

async function planOf(sleepMs: number, epochs: number) {
  const train = await openDataset(numbers(160).map(transform(fixtures, { sleepMs }, "slow")));
  return trainingPlan({ train, validation: null, batchSize: 16, seed: 5, epochs });
}

// Samples that sleep need no core: more threads make more of them on any machine that may have two.
test.runIf(availableParallelism() > 1)(
  "a step that waits for its data gets more threads, and the same batches",
  async () => {
    const plan = await planOf(12, 4);
    const { feed, batches, failure } = await readFeed({ plan, startItem: 0, numSlots: 4 });
    expect(failure).toBeNull();
    const { facts } = feed.stats();
    expect(facts.numThreads).toBeGreaterThan(1);
    expect(facts.numChanges).toBeGreaterThan(0);
    const fixed = await readFeed({ plan: await planOf(0, 4), startItem: 0, numSlots: 4, numThreads: 1 });
    expect(batches.map(({ digest }) => digest)).toEqual(digests(fixed));
  },
);

test("a slow step gives threads and batches back", async () => {
  const plan = await planOf(0, 20);
  const { feed } = await readFeed({ plan, startItem: 0, numSlots: 6, numThreads: 3 }, 25);
  const { facts } = feed.stats();
  expect(facts.numThreads).toBeLessThan(3);
  expect(facts.why).toContain("slower than its data");
});
