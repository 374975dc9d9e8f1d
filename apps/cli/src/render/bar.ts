import type { Progress } from "@anneal/contracts";
import { formatCount, formatDuration, formatMetric } from "./values.ts";

const maxBarWidth = 24;
const minBarWidth = 8;
/** ` 100 %` after the bar. */
const percentWidth = 6;

/** One line that says where a run is, of at most `numColumns`: the bar shrinks, then what comes last is left out. */
export function formatProgress(label: string, progress: Progress, numColumns: number, samples = "samples"): string {
  const { phase, step, totalSteps, note } = progress;
  if (phase === "queued") return cut(`${label}  queued: ${note ?? "waits for a free trainer"}`, numColumns);
  if (totalSteps === 0) return cut(`${label}  ${phase}…`, numColumns);
  const parts = numbers(progress, samples);
  const room = (): number => numColumns - [label, "", ...parts].join("  ").length - percentWidth;
  while (parts.length > 1 && room() < minBarWidth) parts.pop();
  const width = Math.min(maxBarWidth, Math.max(minBarWidth, room()));
  return cut([label, formatBar(step / totalSteps, width), ...parts].join("  "), numColumns);
}

/** What is known of step, epoch, metrics, speed and time left, the most important first. */
function numbers(progress: Progress, samples: string): string[] {
  const { phase, step, totalSteps, epoch, epochs, metrics, samplesPerSecond, secondsLeft } = progress;
  const total = formatCount(totalSteps);
  return [
    `step ${formatCount(step).padStart(total.length)}/${total}`,
    ...(phase === "training" ? [] : [phase]),
    ...(epochs > 0 ? [`epoch ${Math.min(Math.max(epoch, 1), epochs)}/${epochs}`] : []),
    // Padded, so that the line stands still while its digits change.
    ...Object.entries(metrics).map(([name, value]) => `${name} ${formatMetric(value).padEnd(6)}`),
    ...(samplesPerSecond === null ? [] : [`${formatCount(samplesPerSecond)} ${samples}/s`]),
    ...(secondsLeft === null ? [] : [`${formatDuration(secondsLeft * 1000)} left`]),
  ];
}

/** `━━━━━━──────  25 %` */
export function formatBar(share: number, width = maxBarWidth): string {
  const bounded = Math.min(1, Math.max(0, share));
  const numFilled = Math.round(bounded * width);
  const percent = String(Math.floor(bounded * 100)).padStart(3);
  return `${"━".repeat(numFilled)}${"─".repeat(width - numFilled)} ${percent} %`;
}

function cut(line: string, numColumns: number): string {
  return line.length <= numColumns ? line : `${line.slice(0, Math.max(0, numColumns - 1))}…`;
}
