import { readFileSync, writeFileSync } from "node:fs";

/** From now on `peakMemoryMiB` knows nothing of what was before. */
export function resetPeakMemory(pid: number): void {
  // proc(5): 5 resets the peak resident set size to what it is now.
  writeFileSync(`/proc/${pid}/clear_refs`, "5");
}

/** Largest resident memory that a living process has had so far, or since it was reset, in MiB. Linux only. */
export function peakMemoryMiB(pid: number): number {
  return statusMiB(pid, "VmHWM");
}

/** Resident memory of a living process as it is now, in MiB. Linux only. */
export function residentMiB(pid: number): number {
  return statusMiB(pid, "VmRSS");
}

function statusMiB(pid: number, field: string): number {
  const kilobytes = new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  if (kilobytes === undefined) throw new Error(`/proc/${pid}/status does not say ${field}`);
  return Number(kilobytes) / 1_024;
}

/** Processor time that a living process has used so far, all its threads, in seconds. Linux only. */
export function processorSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  // The name, in parentheses, may hold anything. After it: state, then utime and stime as the 12th and 13th.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

/** `USER_HZ`: 100 on every platform that Node runs on. */
const ticksPerSecond = 100;
