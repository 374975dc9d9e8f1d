import type { Progress } from "@anneal/contracts";
import { formatCount, formatDuration, formatMetric } from "./values.ts";

const barWidth = 24;

/** One line that says where a run is, cut to `numColumns`: what is less important goes first. */
export function formatProgress(label: string, progress: Progress, numColumns: number, samples = "samples"): string {
  const { phase, step, totalSteps, note } = progress;
  if (phase === "queued") return cut(`${label}  queued: ${note ?? "waits for a free trainer"}`, numColumns);
  if (totalSteps === 0) return cut(`${label}  ${phase}…`, numColumns);
  const parts = [
    label,
    formatBar(step / totalSteps),
    `step ${formatCount(step)}/${formatCount(totalSteps)}`,
    ...numbers(progress, samples),
  ];
  if (phase !== "training") parts.push(phase);
  while (parts.length > 3 && parts.join("  ").length > numColumns) parts.splice(1 + widestOptional(parts), 1);
  return cut(parts.join("  "), numColumns);
}

/** Epoch, metrics, speed and time left, as far as they are known. */
function numbers({ epoch, epochs, metrics, samplesPerSecond, secondsLeft }: Progress, samples: string): string[] {
  return [
    ...(epochs > 0 ? [`epoch ${Math.min(Math.max(epoch, 1), epochs)}/${epochs}`] : []),
    ...Object.entries(metrics).map(([name, value]) => `${name} ${formatMetric(value)}`),
    ...(samplesPerSecond === null ? [] : [`${formatCount(samplesPerSecond)} ${samples}/s`]),
    ...(secondsLeft === null ? [] : [`${formatDuration(secondsLeft * 1000)} left`]),
  ];
}

/** The bar goes first when the line is too narrow, then whatever comes last. */
function widestOptional(parts: readonly string[]): number {
  return parts[1]?.includes("━") || parts[1]?.includes("─") ? 0 : parts.length - 2;
}

/** `━━━━━━──────  25 %` */
export function formatBar(share: number): string {
  const bounded = Math.min(1, Math.max(0, share));
  const numFilled = Math.round(bounded * barWidth);
  const percent = String(Math.floor(bounded * 100)).padStart(3);
  return `${"━".repeat(numFilled)}${"─".repeat(barWidth - numFilled)} ${percent} %`;
}

function cut(line: string, numColumns: number): string {
  return line.length <= numColumns ? line : `${line.slice(0, Math.max(0, numColumns - 1))}…`;
}
