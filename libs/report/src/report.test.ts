import { type Comparison, runSpecSchema, type StrategyMeasures, type StrategyOutcome } from "@anneal/contracts";
import { planStrategies } from "@anneal/policy";
import { expect, test } from "vitest";
import { comparisonMarkdown } from "./comparison-markdown.ts";
import { comparisonReport } from "./comparison-report.ts";
import { comparisonSvg } from "./comparison-svg.ts";
import { comparisonTable } from "./comparison-table.ts";
import { formatBytes, formatRatio, formatShare, formatTimeTaken } from "./values.ts";

const strategies = planStrategies({
  precisions: ["float32", "bfloat16"],
  memory: ["plain", "half"],
  weightStorages: ["float32"],
});
const comparison: Comparison = {
  spec: runSpecSchema.parse({ recipe: { name: "r<1>", path: "/r.ts" }, parameters: { epochs: 2, name: "a|b" } }),
  strategies,
  criterion: { withinPoints: 0.5, prefer: "fastest" },
};

const measured: StrategyMeasures = {
  metric: "accuracy",
  direction: "maximize",
  metrics: { loss: 0.31, accuracy: 0.97 },
  split: "test",
  step: 200,
  usage: {
    numSteps: 200,
    numSamples: 6_400,
    trainingMs: 4_270,
    validatingMs: 1_070,
    waitedMs: 854,
    peakRssBytes: 800e6,
    loadedRssBytes: 300e6,
  },
  samplesPerSecond: 2_000,
  wholeMs: 9_000,
  modelBytes: 5_432,
  stoppedEarly: false,
  numFailedAttempts: 0,
  precision: null,
  memory: null,
  ledger: null,
  rungMoves: [],
};

function outcomesOf(measures: readonly (Partial<StrategyMeasures> | null)[]): StrategyOutcome[] {
  return strategies.map((strategy, index) => {
    const own = measures[index];
    const known = { strategy, runId: `c-${strategy.name}`, budget: strategy.memory === "plain" ? null : "381MiB" };
    if (own) return { ...known, status: "completed", measured: { ...measured, ...own }, error: null };
    const error = { code: "OUT_OF_MEMORY", message: "no | room", remedy: "Ask for\nless.", facts: {} } as const;
    return { ...known, status: "failed", measured: null, error };
  });
}

const outcomes = outcomesOf([
  {},
  {
    samplesPerSecond: 1_500,
    memory: {
      rung: { prefetchBatches: 4, microBatches: 2, recomputeSegments: 3 },
      why: "",
      budgetBytes: 4e8,
      predictedPeakBytes: 3.9e8,
      batchBytes: 1_000,
    },
    usage: { ...measured.usage, peakRssBytes: 400e6 },
  },
  {
    metrics: { loss: 0.32, accuracy: 0.9672 },
    samplesPerSecond: 3_820,
    usage: { ...measured.usage, numSteps: 150 },
    ledger: { precision: "bfloat16", ranIn: "float32" },
    stoppedEarly: true,
    numFailedAttempts: 2,
  },
  null,
]);
const report = comparisonReport(comparison, { compareId: "c", outcomes });

test("a report says what was found, and what a reader of its figures has to know", () => {
  expect(report).toMatchObject({
    reference: "float32",
    metric: "accuracy",
    best: "bfloat16",
    verdict: "fastest within 0.5 points of float32: bfloat16, 1.9x",
  });
  expect(report.strategies.map(({ notes }) => notes)).toEqual([
    [],
    ["budget 381MiB", "micro-batches 2", "recomputation in 3 segments", "4 batches ahead"],
    ["ran in float32", "stopped early at step 200", "timed over 150 of 200 steps", "failed and went on 2 times"],
    ["budget 381MiB", "OUT_OF_MEMORY"],
  ]);
  expect(report.strategies[1]!.gain.lightest).toBe(2);
  expect(JSON.parse(JSON.stringify(report))).toEqual(report);
});

test("a strategy that came to the same steps as another says so, and is no better for what the clock says", () => {
  const same = { ...comparison, strategies: strategies.slice(0, 2) };
  const outcomes = outcomesOf([{ digest: "a" }, { digest: "a", samplesPerSecond: 3_000 }]).slice(0, 2);
  const { strategies: rows, verdict } = comparisonReport(same, { compareId: "c", outcomes });
  expect(rows.map(({ notes }) => notes.at(-1) ?? null)).toEqual([null, "the same steps as float32"]);
  expect(rows[1]!.gain.fastest).toBe(1);
  expect(verdict).toBe("fastest within 0.5 points of float32: float32 itself");
});

test("as a table: one row for each strategy, the compared metric first", () => {
  const { header, rows } = comparisonTable(report);
  expect(header.slice(0, 4)).toEqual(["strategy", "accuracy", "points", "loss"]);
  const [float32, , bfloat16, failed] = rows;
  const figures = ["float32", "0.97", "0.00", "0.31", "4.27 s", "2,000", "1.00x", "20 %", "800.0 MB", "5.4 kB", ""];
  expect(float32).toEqual(figures);
  expect(bfloat16!.slice(0, 7)).toEqual(["bfloat16", "0.9672", "-0.28", "0.32", "4.27 s", "3,820", "1.9x"]);
  expect(failed!.slice(1, -1).join("")).toBe("");
  expect(failed!.at(-1)).toMatch(/^failed, /);
});

test("as Markdown: no cell breaks its table", () => {
  const lines = comparisonMarkdown(report).split("\n");
  const table = lines.filter((line) => line.startsWith("|"));
  expect(table).toHaveLength(2 + strategies.length);
  expect(new Set(table.map((line) => line.replaceAll("\\|", "").split("|").length)).size).toBe(1);
  expect(lines).toContain("**fastest within 0.5 points of float32: bfloat16, 1.9x**");
  expect(lines).toContain("- **bfloat16-half**: OUT_OF_MEMORY: no \\| room _Ask for less._");
});

test("as a picture: bars as long as their values, for light and dark", () => {
  const svg = comparisonSvg(report);
  expect(svg).toMatch(/^<svg [^>]*viewBox="0 0 760 \d+"/);
  expect(svg).toContain("r&lt;1&gt;: strategies compared");
  expect(svg).not.toContain("r<1>");
  expect(svg).toContain("prefers-color-scheme: dark");
  expect(svg).not.toMatch(/NaN|undefined|Infinity/);
  const bars = [...svg.matchAll(/<rect class="(bar|best)" [^>]*width="([\d.]+)"/g)].map(([, name, width]) => [
    name,
    Number(width),
  ]);
  // Three strategies that have figures, five figures.
  expect(bars).toHaveLength(15);
  const [, , , plain, half, best] = bars.map(([, width]) => Number(width));
  expect(plain! / best!).toBeCloseTo(2_000 / 3_820, 2);
  expect(half! / best!).toBeCloseTo(1_500 / 3_820, 2);
  expect(bars.filter(([name]) => name === "best")).toHaveLength(5);
});

test("before anything has ended every form says so", () => {
  const waiting = strategies.map((strategy) => ({
    ...{ strategy, runId: `c-${strategy.name}`, status: "waiting", budget: null, measured: null, error: null },
  })) as StrategyOutcome[];
  const early = comparisonReport(comparison, { compareId: "c", outcomes: waiting });
  expect(early).toMatchObject({ metric: null, best: null, verdict: "no verdict: float32 has not begun" });
  expect(comparisonMarkdown(early)).toContain("| float32 |");
  expect(comparisonSvg(early)).not.toMatch(/NaN|undefined|Infinity/);
  const partly = comparisonReport(comparison, { compareId: "c", outcomes: [outcomes[0]!, ...waiting.slice(1)] });
  expect(partly.verdict).toBe("fastest within 0.5 points of float32 so far: float32 itself");
});

test("figures are short and say their unit", () => {
  expect([4_274, 59_949, 60_000, 3_723_000].map(formatTimeTaken)).toEqual([
    "4.27 s",
    "59.9 s",
    "1:00 min",
    "1:02:03 h",
  ]);
  expect([999, 5_432, 5.4e9].map(formatBytes)).toEqual(["999 B", "5.4 kB", "5.4 GB"]);
  expect([0, 0.00312, 0.0717, 0.2, 0.999].map(formatShare)).toEqual(["0 %", "0.31 %", "7.2 %", "20 %", "100 %"]);
  expect([0.5, 1.04, 1.94, 12].map(formatRatio)).toEqual(["0.50x", "1.04x", "1.9x", "12.0x"]);
});
