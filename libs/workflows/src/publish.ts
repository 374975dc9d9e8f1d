import type { Progress, RunState } from "@anneal/contracts";
import { defineSearchAttributeKey, type SearchAttributeUpdatePair } from "@temporalio/common";
import { setCurrentDetails, upsertSearchAttributes } from "@temporalio/workflow";

const recipeKey = defineSearchAttributeKey("AnnealRecipe", "KEYWORD");
const statusKey = defineSearchAttributeKey("AnnealStatus", "KEYWORD");
const stepKey = defineSearchAttributeKey("AnnealStep", "INT");
const bestMetricKey = defineSearchAttributeKey("AnnealBestMetric", "DOUBLE");

/** What a run last published, so that only changes become events. */
export interface Published {
  status?: string;
  step?: number;
  best?: number;
}

/** Brings search attributes and the UI's current details up to date with the run's state. */
export function publish(state: RunState, recipe: string, published: Published): void {
  const isAhead = state.progress !== null && state.progress.step > (state.last?.step ?? -1);
  const step = (isAhead ? state.progress?.step : state.last?.step) ?? 0;
  const best = (isAhead ? state.progress?.best?.value : undefined) ?? state.last?.best?.value;
  const changes: SearchAttributeUpdatePair[] = [];
  if (published.status === undefined) changes.push({ key: recipeKey, value: recipe });
  if (published.status !== state.status) changes.push({ key: statusKey, value: state.status });
  if (published.step !== step) changes.push({ key: stepKey, value: step });
  if (best !== undefined && published.best !== best) changes.push({ key: bestMetricKey, value: best });
  if (changes.length > 0) upsertSearchAttributes(changes);
  published.status = state.status;
  published.step = step;
  if (best !== undefined) published.best = best;
  setCurrentDetails(describe(state, recipe));
}

/** Current details, in Temporal's Markdown: what a person wants to know first. */
function describe(state: RunState, recipe: string): string {
  const { plan, progress, last } = state;
  const lines = [`**${recipe}** is **${state.status}**${progress?.note ? `: ${progress.note}` : ""}`, ""];
  // Progress lags behind the result of a segment that has ended.
  const isAhead = progress !== null && progress.step > (last?.step ?? -1);
  const step = isAhead ? progress.step : last?.step;
  if (plan && step !== undefined) {
    const epoch = isAhead ? progress.epoch : (last?.epoch ?? 0);
    lines.push(`- step ${step} of ${plan.totalSteps}, epoch ${Math.min(epoch, plan.epochs)}/${plan.epochs}`);
  }
  const metrics = Object.entries((isAhead ? progress.metrics : last?.metrics) ?? {});
  if (metrics.length > 0)
    lines.push(`- ${metrics.map(([name, value]) => `${name} ${formatMetric(value)}`).join(", ")}`);
  const best = isAhead ? (progress.best ?? last?.best) : last?.best;
  if (best) lines.push(`- best ${best.metric} ${formatMetric(best.value)} at step ${best.step}`);
  if (isAhead && progress.samplesPerSecond) lines.push(`- ${speed(progress)}`);
  const checkpoint = newer(progress?.checkpoint, last?.checkpoint);
  if (checkpoint) {
    lines.push(
      `- last checkpoint: step ${checkpoint.step}, \`${checkpoint.digest.slice(0, 12)}\`, \`${checkpoint.path}\``,
    );
  }
  if (last && !last.exact) lines.push("- **inexact**: the run went on under another fingerprint");
  if (state.evaluation) {
    const { split, numSamples, metrics: held } = state.evaluation;
    const values = Object.entries(held).map(([name, value]) => `${name} ${formatMetric(value)}`);
    lines.push(`- ${split} (${numSamples} samples): ${values.join(", ")}`);
  }
  if (state.recentFailures.length > 0) {
    lines.push("", `${state.numFailedAttempts} failed attempt(s), the last of them:`);
    for (const { attempt, activity, error } of state.recentFailures) {
      lines.push(`- attempt ${attempt}, ${activity}: **${error.code}** ${error.message} _${error.remedy}_`);
    }
  }
  return lines.join("\n");
}

function newer<T extends { readonly step: number }>(a: T | null | undefined, b: T | null | undefined): T | undefined {
  if (a && b) return a.step >= b.step ? a : b;
  return a ?? b ?? undefined;
}

function speed({ samplesPerSecond, secondsLeft }: Progress): string {
  const left = secondsLeft === null ? "" : `, ${Math.ceil(secondsLeft)} s left`;
  return `${Math.round(samplesPerSecond ?? 0)} samples/s${left}`;
}

/** Four significant digits: enough to compare, short enough to read. */
function formatMetric(value: number): string {
  return Number.isFinite(value) ? Number(value.toPrecision(4)).toString() : String(value);
}
