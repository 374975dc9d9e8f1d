import type { MemoryReading } from "@anneal/contracts";
import { expect, test } from "vitest";
import { judgeReading, noPressure, pressureOf } from "./memory-pressure.ts";

const gibibyte = 2 ** 30;
const calm: MemoryReading = {
  rssBytes: gibibyte,
  group: { usedBytes: 2 * gibibyte, limitBytes: 4 * gibibyte },
  machine: { availableBytes: 8 * gibibyte, totalBytes: 16 * gibibyte },
  stalledShare: 0,
};

test.each<[Partial<MemoryReading>, number | null, string | null]>([
  [{}, null, null],
  [{}, 2 * gibibyte, null],
  [{ group: null, machine: null, stalledShare: null }, gibibyte, null],
  [{}, gibibyte - 1, "the trainer took 1 GiB of its budget of 1024 MiB"],
  [
    { group: { usedBytes: 3.9 * gibibyte, limitBytes: 4 * gibibyte } },
    null,
    "its control group had 3.9 GiB of 4 GiB in use",
  ],
  [
    { machine: { availableBytes: gibibyte / 4, totalBytes: 16 * gibibyte } },
    null,
    "the machine had 256 MiB of 16 GiB left",
  ],
  [{ stalledShare: 0.35 }, null, "everything waited for memory in 35 % of ten seconds"],
  [{ stalledShare: 0.1 }, null, null],
])("%j with a budget of %d: %s", (change, budgetBytes, why) => {
  expect(pressureOf({ ...calm, ...change }, budgetBytes)).toBe(why);
});

test("pressure is what three readings in a row show", () => {
  const tight = { ...calm, stalledShare: 0.9 };
  let state = noPressure;
  const said = [tight, tight, calm, tight, tight, tight, tight].map((reading) => {
    const judged = judgeReading(state, reading, null);
    state = judged.state;
    return judged.why !== null;
  });
  expect(said).toEqual([false, false, false, false, false, true, true]);
});
