import {
  type ComparisonReport,
  comparisonMarkdown,
  comparisonSvg,
  comparisonTable,
  figuresExplained,
  type ReportedStrategy,
} from "@anneal/report";
import { Option } from "commander";
import type { ComparisonView } from "../comparisons/view.ts";
import { formatFacts, formatTable } from "./table.ts";
import { formatTime } from "./values.ts";

export const comparisonFormats = ["table", "markdown", "json", "svg"] as const;
export type ComparisonFormat = (typeof comparisonFormats)[number];

/** The flag of commands that print a report. */
export function formatOption(): Option {
  return new Option("--format <format>", "how a comparison's report is printed")
    .choices(comparisonFormats)
    .default("table");
}

/** A comparison as a person or a program reads it. */
export function formatComparison(comparison: ComparisonView, format: ComparisonFormat): string {
  switch (format) {
    case "table":
      return asTable(comparison);
    case "markdown":
      return comparisonMarkdown(comparison).trimEnd();
    case "json":
      return JSON.stringify(comparison, null, 2);
    case "svg":
      return comparisonSvg(comparison).trimEnd();
  }
}

/** One strategy that has ended, in a line: `bfloat16-half: accuracy 0.97, 4.27 s, 2,000 samples/s, 1.9x, 400.0 MB`. */
export function summarizeStrategy(report: ComparisonReport, strategy: ReportedStrategy): string {
  const { header, rows } = comparisonTable({ ...report, strategies: [strategy] });
  const units: Readonly<Record<string, string>> = { "samples/s": " samples/s", memory: " of memory", model: " model" };
  const figures = header.slice(1).flatMap((title, index) => {
    const cell = rows[0]?.[index + 1] ?? "";
    if (cell === "" || title === "points") return [];
    return [Object.hasOwn(strategy.metrics, title) ? `${title} ${cell}` : `${cell}${units[title] ?? ""}`];
  });
  return `${strategy.name}: ${figures.join(", ")}`;
}

function asTable(comparison: ComparisonView): string {
  const { compareId, recipe, status, note, startedAt, endedAt, files, uiUrl, verdict } = comparison;
  const { header, rows } = comparisonTable(comparison);
  const facts = formatFacts([
    ["comparison", compareId],
    ["recipe", recipe],
    ["status", note ? `${status} (${note})` : status],
    ["started", startedAt && formatTime(new Date(startedAt))],
    ["ended", endedAt && formatTime(new Date(endedAt))],
    ["report", files && `${files.markdown}, .json, .svg`],
    ["UI", uiUrl],
  ]);
  const failures = comparison.strategies.flatMap(({ name, error }) =>
    error ? [`${name}: ${error.message}\n  → ${error.remedy}`] : [],
  );
  const explained = figuresExplained(comparison).map((line) => `  ${line}`);
  return [
    facts,
    "",
    formatTable(header, rows),
    "",
    ...failures,
    ...(failures.length > 0 ? [""] : []),
    verdict,
    ...explained,
  ].join("\n");
}
