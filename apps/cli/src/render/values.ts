import type { Metrics } from "@anneal/contracts";
import { formatMetric } from "@anneal/report";

export { formatBytes, formatCount, formatMetric } from "@anneal/report";

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

/** `2026-11-24 03:12:45`, in the machine's time zone. */
export function formatTime(date: Date): string {
  const pad = (value: number): string => String(value).padStart(2, "0");
  const day = [date.getFullYear(), pad(date.getMonth() + 1), pad(date.getDate())].join("-");
  return `${day} ${[pad(date.getHours()), pad(date.getMinutes()), pad(date.getSeconds())].join(":")}`;
}
