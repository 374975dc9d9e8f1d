import type { ComparisonReport, ReportedStrategy } from "./comparison-report.ts";
import { formatBytes, formatCount, formatMetric, formatRatio, formatTimeTaken } from "./values.ts";

/** Sizes in pixels. */
const size = { width: 760, margin: 24, header: 92, row: 24, bar: 14, panelHeader: 34, label: 190, value: 130 } as const;
const barWidth = size.width - 2 * size.margin - size.label - size.value;

/** Colours by class, so that the picture follows the reader's scheme wherever it is shown. */
const style = `
text { fill: #1a202c; font: 13px sans-serif }
.title { font-size: 20px; font-weight: bold }
.panel { font-weight: bold }
.muted { fill: #4a5568; font-size: 11px }
.value { text-anchor: end }
.paper { fill: #ffffff }
.bar { fill: #90a4c0 }
.best { fill: #2b6cb0 }
.line { stroke: #718096; stroke-dasharray: 3 3 }
@media (prefers-color-scheme: dark) {
  text { fill: #e2e8f0 }
  .muted { fill: #a0aec0 }
  .paper { fill: #1a202c }
  .bar { fill: #4a5f80 }
  .best { fill: #63b3ed }
  .line { stroke: #a0aec0 }
}`;

/** One figure of every strategy. */
interface Panel {
  readonly title: string;
  readonly pick: (strategy: ReportedStrategy) => number | null;
  readonly format: (value: number) => string;
}

/**
 * A report as a picture (SVG): bars from zero for each figure, the best strategy's in the strong colour, and a line where the
 * reference stands.
 */
export function comparisonSvg(report: ComparisonReport): string {
  const panels = panelsOf(report);
  const panelHeight = size.panelHeader + report.strategies.length * size.row;
  const height = size.header + panels.length * panelHeight + size.margin + 16;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width} ${height}" width="${size.width}" height="${height}" role="img">`,
    `<title>${escapeXml(`${report.recipe}: ${report.verdict}`)}</title>`,
    `<style>${style}\n</style>`,
    `<rect class="paper" width="${size.width}" height="${height}"/>`,
    text(size.margin, 38, `${report.recipe}: strategies compared`, "title"),
    text(size.margin, 64, report.verdict),
    ...panels.map((panel, index) => drawPanel(panel, report, size.header + index * panelHeight)),
    text(size.margin, height - size.margin, `Dashed: ${report.reference}. Strong colour: the best one.`, "muted"),
    "</svg>",
    "",
  ].join("\n");
}

function panelsOf({ metric, direction }: ComparisonReport): readonly Panel[] {
  const better = direction === "minimize" ? "less is better" : "more is better";
  return [
    { title: `${metric ?? "metric"} (${better})`, pick: ({ value }) => value, format: formatMetric },
    {
      title: "samples/s (more is better)",
      pick: ({ samplesPerSecond }) => samplesPerSecond,
      format: formatCount,
    },
    { title: "time of training", pick: ({ trainingMs }) => trainingMs, format: formatTimeTaken },
    { title: "peak memory", pick: ({ peakRssBytes }) => peakRssBytes, format: formatBytes },
    { title: "size of the model", pick: ({ modelBytes }) => modelBytes, format: formatBytes },
  ];
}

function drawPanel({ title, pick, format }: Panel, report: ComparisonReport, y: number): string {
  const { strategies, reference } = report;
  const most = Math.max(0, ...strategies.map((strategy) => pick(strategy) ?? 0));
  const width = (value: number): number => (most > 0 ? (Math.max(0, value) / most) * barWidth : 0);
  const top = y + size.panelHeader - 10;
  const left = size.margin + size.label;
  const referenceValue = pick(strategies.find(({ name }) => name === reference) ?? strategies[0]!);
  const rows = strategies.map((strategy, index) => {
    const value = pick(strategy);
    const middle = top + index * size.row + size.row / 2;
    const bar =
      value === null
        ? text(left, middle + 4, strategy.error?.code ?? strategy.status, "muted")
        : drawBar(left, middle, width(value), strategy.name === report.best);
    const shown = value === null ? "" : `${format(value)}${besides(value, referenceValue)}`;
    return [
      text(size.margin, middle + 4, strategy.name),
      bar,
      text(size.width - size.margin, middle + 4, shown, "value"),
    ].join("\n");
  });
  const line =
    referenceValue === null
      ? []
      : [
          `<path class="line" d="M${(left + width(referenceValue)).toFixed(1)} ${top}v${strategies.length * size.row}"/>`,
        ];
  return [text(size.margin, y + 14, title, "panel"), ...rows, ...line].join("\n");
}

function drawBar(x: number, middle: number, width: number, isBest: boolean): string {
  const y = middle - size.bar / 2;
  return `<rect class="${isBest ? "best" : "bar"}" x="${x}" y="${y}" width="${width.toFixed(1)}" height="${size.bar}" rx="3"/>`;
}

/** ` (1.9x)` beside a value that is not the reference's own. */
function besides(value: number, reference: number | null): string {
  if (reference === null || reference <= 0 || value === reference) return "";
  return ` (${formatRatio(value / reference)})`;
}

function text(x: number, y: number, content: string, className = ""): string {
  if (content === "") return "";
  const attribute = className === "" ? "" : ` class="${className}"`;
  return `<text x="${x.toFixed(1)}" y="${y}"${attribute}>${escapeXml(content)}</text>`;
}

function escapeXml(content: string): string {
  return content.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
