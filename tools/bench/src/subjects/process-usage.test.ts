import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, it } from "vitest";
import { peakMemoryMiB, processorSeconds, resetPeakMemory } from "./process-usage.ts";

it("reads of this process what Node says of it", () => {
  const { userCPUTime, systemCPUTime } = process.resourceUsage();
  // Not `maxRSS`: it keeps what the process that forked this one had.
  const residentMiB = process.memoryUsage.rss() / 2 ** 20;
  expect(processorSeconds(process.pid)).toBeGreaterThanOrEqual((userCPUTime + systemCPUTime) / 1e6 - 0.1);
  expect(peakMemoryMiB(process.pid)).toBeGreaterThanOrEqual(residentMiB - 1);
  expect(peakMemoryMiB(process.pid)).toBeLessThan(residentMiB * 2);
});

it("forgets a peak", async () => {
  const program = "Buffer.alloc(300 * 2 ** 20, 1); gc(); console.log('ready'); setInterval(() => {}, 1000);";
  const child = spawn(process.execPath, ["--expose-gc", "-e", program], { stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(child, "exit");
  try {
    await once(child.stdout, "data");
    const pid = child.pid ?? 0;
    expect(peakMemoryMiB(pid)).toBeGreaterThan(300);
    resetPeakMemory(pid);
    expect(peakMemoryMiB(pid)).toBeLessThan(300);
  } finally {
    child.kill();
    await exited;
  }
});
