import { readFileSync } from "node:fs";

/** Largest resident memory that a living process has had so far, in MiB. Linux only. */
export function peakMemoryMiB(pid: number): number {
  const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  if (kilobytes === undefined) throw new Error(`/proc/${pid}/status does not say VmHWM`);
  return Number(kilobytes) / 1_024;
}
