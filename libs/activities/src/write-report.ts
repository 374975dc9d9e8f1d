import { mkdir } from "node:fs/promises";
import { comparePaths, writeFileAtomic } from "@anneal/checkpoint";
import type { ReportFiles, WriteReportInput } from "@anneal/contracts";
import { comparisonMarkdown, comparisonReport, comparisonSvg } from "@anneal/report";

/** Writes a comparison's report into its folder, over one that an earlier execution wrote. */
export async function writeReport(home: string, { comparison, state }: WriteReportInput): Promise<ReportFiles> {
  const { root, markdown, json, svg } = comparePaths(home, state.compareId);
  const report = comparisonReport(comparison, state);
  await mkdir(root, { recursive: true });
  await writeFileAtomic(markdown, comparisonMarkdown(report));
  await writeFileAtomic(json, `${JSON.stringify(report, null, 2)}\n`);
  await writeFileAtomic(svg, comparisonSvg(report));
  return { markdown, json, svg };
}
