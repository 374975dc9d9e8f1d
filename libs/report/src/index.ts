export { comparisonMarkdown } from "./comparison-markdown.ts";
export { type ComparisonReport, comparisonReport, type ReportedStrategy } from "./comparison-report.ts";
export { comparisonSvg } from "./comparison-svg.ts";
export { comparisonTable, figuresExplained } from "./comparison-table.ts";
export { formatBytes, formatCount, formatMetric, formatTimeTaken } from "./values.ts";
