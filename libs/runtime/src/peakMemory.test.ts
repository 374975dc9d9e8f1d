import { expect, test } from "vitest";
import { peakRssBytes, residentMemory } from "./peakMemory.ts";

test("memory that was taken and given back stays in the peak", () => {
  const before = peakRssBytes();
  const resident = process.memoryUsage.rss();
  expect(before).toBeGreaterThanOrEqual(resident - 2 ** 20);
  const numBytes = 200 * 2 ** 20;
  Buffer.alloc(numBytes, 1);
  expect(peakRssBytes()).toBeGreaterThan(resident + numBytes / 2);
});

// Elsewhere nothing tells what pages are of files.
test.runIf(process.platform === "linux")("what is resident is told apart from the libraries in it", () => {
  const held = Buffer.alloc(64 * 2 ** 20, 1);
  const { totalBytes, fileBytes } = residentMemory()!;
  expect(fileBytes).toBeGreaterThan(2 ** 20);
  expect(totalBytes - fileBytes).toBeGreaterThan(held.length);
});
