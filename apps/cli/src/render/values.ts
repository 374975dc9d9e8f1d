import type { Metrics } from "@anneal/contracts";

/** Four significant digits: enough to compare, short enough to read. */
export function formatMetric(value: number): string {
  return Number.isFinite(value) ? Number(value.toPrecision(4)).toString() : String(value);
}

/** `loss 0.1234, accuracy 0.9712`. */
export function formatMetrics(metrics: Metrics): string {
  return Object.entries(metrics)
    .map(([name, value]) => `${name} ${formatMetric(value)}`)
    .join(", ");
}

/** `0:42`, `12:03`, `1:02:03`. */
export function formatDuration(milliseconds: number): string {
  const total = Math.max(0, Math.round(milliseconds / 1000));
  const seconds = String(total % 60).padStart(2, "0");
  const minutes = Math.floor(total / 60) % 60;
  const hours = Math.floor(total / 3600);
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, "0")}:${seconds}` : `${minutes}:${seconds}`;
}

/** `3,214`. */
export function formatCount(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

/** `2026-11-24 03:12:45`, in the machine's time zone. */
export function formatTime(date: Date): string {
  const pad = (value: number): string => String(value).padStart(2, "0");
  const day = [date.getFullYear(), pad(date.getMonth() + 1), pad(date.getDate())].join("-");
  return `${day} ${[pad(date.getHours()), pad(date.getMinutes()), pad(date.getSeconds())].join(":")}`;
}

/** `3.4 MB`. */
export function formatBytes(numBytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = numBytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}
