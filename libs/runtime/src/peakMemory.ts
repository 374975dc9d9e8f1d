import { readFileSync } from "node:fs";

/**
 * Largest resident set that this process has had since it started, in bytes. Not `maxRSS`: on Linux that keeps what the
 * process that forked this one had; where there is no `/proc` it has to do.
 */
export function peakRssBytes(): number {
  const kibibytes = /^VmHWM:\s+(\d+) kB$/m.exec(readStatus())?.[1];
  return (kibibytes === undefined ? process.resourceUsage().maxRSS : Number(kibibytes)) * 1_024;
}

function readStatus(): string {
  try {
    return readFileSync("/proc/self/status", "utf8");
  } catch {
    return "";
  }
}
