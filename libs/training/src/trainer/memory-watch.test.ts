import type { MemoryReading } from "@anneal/contracts";
import { expect, test } from "vitest";
import { watchMemory } from "./memory-watch.ts";

const calm: MemoryReading = { rssBytes: 100, group: null, machine: null, stalledShare: 0 };

test("tells once of pressure that lasts, and not before there is something to save", async () => {
  const told: string[] = [];
  const told_ = Promise.withResolvers<void>();
  let numReadings = 0;
  using _watch = watchMemory({
    budgetBytes: 50,
    intervalMs: 1,
    isReady: () => numReadings > 5,
    read: () => {
      numReadings += 1;
      return calm;
    },
    onPressure: (why) => {
      told.push(`${numReadings}: ${why}`);
      told_.resolve();
    },
  });
  await told_.promise;
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(told).toEqual(["6: the trainer took 0.0977 KiB of its budget of 0.0488 KiB"]);
});

test("says nothing of a machine that has memory, nor after its end", async () => {
  const read = (): MemoryReading => ({ ...calm, machine: { availableBytes: 1, totalBytes: 100 } });
  const never = () => expect.unreachable();
  {
    using _calm = watchMemory({
      budgetBytes: 200,
      intervalMs: 1,
      isReady: () => true,
      onPressure: never,
      read: () => calm,
    });
    using _ended = watchMemory({ budgetBytes: null, intervalMs: 50, isReady: () => true, onPressure: never, read });
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await new Promise((resolve) => setTimeout(resolve, 60));
});
