import { expect, test } from "vitest";
import { peakRssBytes } from "./peakMemory.ts";

test("memory that was taken and given back stays in the peak", () => {
  const before = peakRssBytes();
  const resident = process.memoryUsage.rss();
  expect(before).toBeGreaterThanOrEqual(resident - 2 ** 20);
  const numBytes = 200 * 2 ** 20;
  Buffer.alloc(numBytes, 1);
  expect(peakRssBytes()).toBeGreaterThan(resident + numBytes / 2);
});
