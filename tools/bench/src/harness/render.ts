import type { Row } from "./bench.ts";

const header = ["name", "workload", "metric", "value", "unit", "peer", "ratio", "spread"] as const;
const numeric = new Set<string>(["value", "ratio", "spread"]);

/** The rows as an aligned table; a ratio above 1 means that we are better than the peer. */
export function renderTable(rows: readonly Row[]): string {
  const lines = rows.map((row) => [
    row.bench,
    row.workload,
    row.metric,
    formatNumber(row.value),
    row.unit,
    row.peer ?? "-",
    row.ratio === null ? "-" : row.ratio.toFixed(3),
    row.spread === null ? "-" : `± ${formatNumber(row.spread * 100)} %`,
  ]);
  const cells = [[...header], ...lines];
  const widths = header.map((_, column) => Math.max(...cells.map((line) => line[column]?.length ?? 0)));
  return cells
    .map((line) =>
      line
        .map((cell, column) => {
          const width = widths[column] ?? 0;
          return numeric.has(header[column] ?? "") ? cell.padStart(width) : cell.padEnd(width);
        })
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** Three significant digits, without an exponent: `1872`, `13.4`, `0.0871`. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  if (Math.abs(value) >= 100) return value.toFixed(0);
  const digits = value === 0 ? 0 : Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return Number(value.toFixed(Math.min(digits, 6))).toString();
}
