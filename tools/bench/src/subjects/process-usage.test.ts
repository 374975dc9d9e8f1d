import { expect, it } from "vitest";
import { peakMemoryMiB, processorSeconds } from "./process-usage.ts";

it("reads of this process what Node says of it", () => {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  expect(processorSeconds(process.pid)).toBeGreaterThanOrEqual((userCPUTime + systemCPUTime) / 1e6 - 0.1);
  expect(peakMemoryMiB(process.pid)).toBeGreaterThanOrEqual(maxRSS / 1_024 - 1);
  expect(peakMemoryMiB(process.pid)).toBeLessThan((maxRSS / 1_024) * 2);
});
