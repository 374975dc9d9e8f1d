import type { ComparisonReport } from "./comparison-report.ts";
import { comparisonTable, figuresExplained } from "./comparison-table.ts";

/** A report in Markdown, as GitHub and Temporal's UI show it. */
export function comparisonMarkdown(report: ComparisonReport): string {
  const { header, rows } = comparisonTable(report);
  const parameters = Object.entries(report.parameters).map(([name, value]) => `${name} \`${JSON.stringify(value)}\``);
  const failures = report.strategies.flatMap(({ name, error }) =>
    error ? [`- **${name}**: ${error.code}: ${escapeCell(error.message)} _${escapeCell(error.remedy)}_`] : [],
  );
  return [
    `# ${report.recipe}: strategies compared`,
    "",
    `**${report.verdict}**`,
    "",
    line(header),
    line(header.map((_, column) => (column === 0 || column === header.length - 1 ? "---" : "---:"))),
    ...rows.map((cells) => line(cells[0] === report.best ? [`**${cells[0]}**`, ...cells.slice(1)] : cells)),
    "",
    ...(failures.length > 0 ? [...failures, ""] : []),
    ...figuresExplained(report).map((line) => `- ${line}`),
    "",
    `\`${report.compareId}\`, seed \`${report.seed}\`${parameters.length > 0 ? `, ${parameters.join(", ")}` : ""}`,
    "",
  ].join("\n");
}

function line(cells: readonly string[]): string {
  return `| ${cells.map(escapeCell).join(" | ")} |`;
}

/** A cell ends at a bar, and a line at its end. */
function escapeCell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll(/\s*\n\s*/g, " ");
}
