import {
  dataInWords,
  evaluatedOn,
  isOtherPrecision,
  largestShadowDifference,
  type MemoryRung,
  type Metrics,
  type Progress,
  precisionInWords,
  type RunState,
} from "@anneal/contracts";
import { rungInWords } from "@anneal/policy";
import { formatMetric } from "@anneal/report";
import { correctionsInWords } from "./segments.ts";

/** The live progress where it is ahead of the last segment's result; it lags behind the result of one that has just ended. */
export function newestProgress({ progress, last }: RunState): Progress | null {
  return progress !== null && progress.step > (last?.step ?? -1) ? progress : null;
}

/** A run in Temporal's Markdown: what a person wants to know first. */
export function describeRun(state: RunState, recipe: string): string {
  const note = state.progress?.note ? `: ${state.progress.note}` : "";
  const facts = [
    position(state),
    metrics(state),
    best(state),
    speed(state),
    ledger(state),
    ...data(state),
    checkpoint(state),
    ...memory(state),
    ...caveats(state),
    evaluation(state),
  ];
  const lines = facts.filter((fact) => fact !== null).map((fact) => `- ${fact}`);
  return [`**${recipe}** is **${state.status}**${note}`, "", ...lines, ...failures(state)].join("\n");
}

function position(state: RunState): string | null {
  const { plan, last } = state;
  const at = newestProgress(state) ?? last;
  if (plan === null || at === null) return null;
  return `step ${at.step} of ${plan.totalSteps}, epoch ${Math.min(at.epoch, plan.epochs)}/${plan.epochs}`;
}

function metrics(state: RunState): string | null {
  const values = (newestProgress(state) ?? state.last)?.metrics ?? {};
  return Object.keys(values).length === 0 ? null : formatMetrics(values);
}

function best(state: RunState): string | null {
  const found = newestProgress(state)?.best ?? state.last?.best;
  return found ? `best ${found.metric} ${formatMetric(found.value)} at step ${found.step}` : null;
}

function speed(state: RunState): string | null {
  const { samplesPerSecond = null, secondsLeft = null } = newestProgress(state) ?? {};
  if (samplesPerSecond === null) return null;
  return `${Math.round(samplesPerSecond)} samples/s${secondsLeft === null ? "" : `, ${Math.ceil(secondsLeft)} s left`}`;
}

/** Bad samples, and how batches are prepared. */
function data(state: RunState): readonly string[] {
  const found = newestProgress(state)?.data ?? state.last?.data;
  return found === undefined ? [] : dataInWords(found).map((words) => `data: ${words}`);
}

/** What the steps really did, from the runtime's own record. */
function ledger({ last }: RunState): string | null {
  const found = last?.ledger;
  if (found === undefined) return null;
  const words = precisionInWords(found);
  const difference = largestShadowDifference(found);
  return [
    isOtherPrecision(found) ? `**warning**: ${words}` : words,
    `${formatMetric(found.stepMilliseconds)} ms a step`,
    ...(found.memory ? [`${Math.round(found.memory.measuredBytes / 1e6)} MB`] : []),
    ...(difference === null ? [] : [`loss within ${formatMetric(100 * difference)} % of float32's`]),
  ].join(", ");
}

function checkpoint({ progress, last }: RunState): string | null {
  const candidates = [progress?.checkpoint, last?.checkpoint].filter((candidate) => candidate != null);
  const [newest] = candidates.sort((a, b) => b.step - a.step);
  return newest ? `last checkpoint: step ${newest.step}, \`${newest.digest.slice(0, 12)}\`, \`${newest.path}\`` : null;
}

function caveats({ last }: RunState): string[] {
  const damaged = (last?.skipped ?? []).map(
    ({ path, code, reason }) => `**${code}**, passed over: \`${path}\` (${reason})`,
  );
  const corrected = correctionsInWords(last?.corrections ?? null).map((words) => `**corrected**: ${words}`);
  const inexact = last && !last.exact ? ["**inexact**: the run went on under another fingerprint"] : [];
  return [...inexact, ...corrected, ...damaged];
}

/** What was decided for a budget, and every move since. */
function memory({ plan, last }: RunState): string[] {
  const decision = plan?.memory;
  if (!decision) return [];
  const { rung: planned, why, budgetBytes } = decision;
  const words = (rung: MemoryRung): string => rungInWords(rung, planned).join(", ") || "whole batches";
  return [
    ...(budgetBytes === null ? [] : [`memory: ${words(planned)} (${why})`]),
    ...(last?.rungMoves ?? []).map((move) => `from step ${move.step + 1}: ${words(move.rung)} (${move.why})`),
  ];
}

function evaluation({ evaluation: result }: RunState): string | null {
  return result ? `${evaluatedOn(result)} (${result.numSamples} samples): ${formatMetrics(result.metrics)}` : null;
}

function failures({ numFailedAttempts, recentFailures }: RunState): string[] {
  if (recentFailures.length === 0) return [];
  const lines = recentFailures.map(
    ({ attempt, activity, error }) =>
      `- attempt ${attempt}, ${activity}: **${error.code}** ${error.message} _${error.remedy}_`,
  );
  return ["", `${numFailedAttempts} failed attempt(s), the last of them:`, ...lines];
}

function formatMetrics(values: Metrics): string {
  return Object.entries(values)
    .map(([name, value]) => `${name} ${formatMetric(value)}`)
    .join(", ");
}
