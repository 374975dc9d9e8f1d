import { dataInWords, type ExportOutcome, evaluatedOn } from "@anneal/contracts";
import type { RunPids } from "../runs/pids.ts";
import type { RunView } from "../runs/view.ts";
import { ledgerFacts } from "./ledger.ts";
import { memoryFacts } from "./memory.ts";
import { precisionPlanInWords } from "./precision.ts";
import { formatFacts } from "./table.ts";
import { formatCount, formatDuration, formatMetrics, formatTime } from "./values.ts";

/** A run as a person reads it, with the local processes where they are known. */
export function formatRun(run: RunView, pids: RunPids | null = null): string {
  const failures = run.recentFailures.map(
    ({ attempt, activity, step, error }) =>
      `  attempt ${attempt} (${activity}, step ${step}): ${error.code}: ${error.message}`,
  );
  const skipped = run.skipped.map(({ path, code, reason }) => `  skipped ${path}: ${code}: ${reason}`);
  const facts = formatFacts([
    ["run", run.runId],
    ["recipe", run.recipe],
    ["status", [run.status, ...remarks(run).map((remark) => `(${remark})`)].join(" ")],
    ["step", of(run.step, run.totalSteps)],
    ["epoch", run.epoch === 0 ? null : of(run.epoch, run.epochs)],
    ["metrics", formatMetrics(run.metrics)],
    ["best", run.best && `${formatMetrics({ [run.best.metric]: run.best.value })} at step ${run.best.step}`],
    [
      "evaluation",
      run.evaluation &&
        `${formatMetrics(run.evaluation.metrics)} (${evaluatedOn(run.evaluation)}, ${formatCount(run.evaluation.numSamples)} samples)`,
    ],
    ["speed", run.samplesPerSecond === null ? null : `${formatCount(run.samplesPerSecond)} samples/s`],
    ["time left", run.secondsLeft === null ? null : formatDuration(run.secondsLeft * 1000)],
    ["format", run.precision && precisionPlanInWords(run.precision)],
    ...(run.data === null ? [] : dataInWords(run.data)).map((line, at) => [at === 0 ? "data" : "", line] as const),
    ...(run.memory === null ? [] : memoryFacts(run.memory, run.step)),
    ...(run.ledger === null ? [] : ledgerFacts(run.ledger)),
    ...(run.exports ?? []).map((outcome) => ["export", exportInWords(outcome)] as const),
    ["checkpoint", run.checkpoint?.path],
    ["digest", run.checkpoint?.digest],
    ["skipped", run.skipped.length === 0 ? null : `${formatCount(run.skipped.length)} damaged, passed over`],
    ["started", run.startedAt && formatTime(new Date(run.startedAt))],
    ["ended", run.endedAt && formatTime(new Date(run.endedAt))],
    ["failed attempts", run.numFailedAttempts ? String(run.numFailedAttempts) : null],
    ["error", run.error && `${run.error.code}: ${run.error.message}`],
    ["remedy", run.error?.remedy],
    ["worker pid", pids?.worker?.toString()],
    ["trainer pid", pids?.trainer?.toString()],
    ["UI", run.uiUrl],
  ]);
  return [facts, ...failures, ...skipped].join("\n");
}

function exportInWords({ spec, file, error }: ExportOutcome): string {
  const asked = `${spec.format} in ${spec.precision}`;
  return error === null ? `${file.path} (${asked})` : `${asked} failed: ${error.code}: ${error.message}`;
}

function remarks({ note, stoppedEarly, exact }: RunView): string[] {
  return [
    ...(note ? [note] : []),
    ...(stoppedEarly ? ["stopped early: its metric no longer improved"] : []),
    ...(exact ? [] : ["inexact: went on under another fingerprint"]),
  ];
}

function of(value: number, total: number | null): string {
  return total === null ? formatCount(value) : `${formatCount(value)} of ${formatCount(total)}`;
}
