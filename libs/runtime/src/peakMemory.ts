import { kibibyteField, readText } from "./procFiles.ts";

/** What of this process is in memory, in bytes. */
export interface ResidentMemory {
  readonly totalBytes: number;
  /** Pages of files, such as libraries: code that ran and constants that were read. */
  readonly fileBytes: number;
}

/** Null where the operating system does not tell the two apart. */
export function residentMemory(): ResidentMemory | null {
  const status = readStatus();
  const totalBytes = kibibyteField(status, "VmRSS");
  const fileBytes = kibibyteField(status, "RssFile");
  return totalBytes === null || fileBytes === null ? null : { totalBytes, fileBytes };
}

/**
 * Largest resident set that this process has had since it started, in bytes. Not `maxRSS`: on Linux that keeps what the
 * process that forked this one had; where there is no `/proc` it has to do.
 */
export function peakRssBytes(): number {
  return kibibyteField(readStatus(), "VmHWM") ?? process.resourceUsage().maxRSS * 1_024;
}

function readStatus(): string {
  return readText("/proc/self/status");
}
