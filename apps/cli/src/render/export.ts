import type { ExportReport, ModelMeasures } from "@anneal/contracts";
import { formatBytes, formatCount } from "@anneal/report";
import { formatFacts } from "./table.ts";
import { formatMetrics } from "./values.ts";

/** What a person wants to know of a file that was just written. */
export function formatExport(report: ExportReport): string {
  const { file, cardPath, difference, heldOut, runtime, before, after } = report;
  const sameClass =
    difference.sameClass === null ? "" : `, the same class for ${(100 * difference.sameClass).toFixed(1)} %`;
  return formatFacts([
    ["file", `${file.path} (${formatBytes(file.numBytes)})`],
    [
      "proven by",
      `${runtime.name} ${runtime.version} on ${formatCount(heldOut.numSamples)} samples of the ${heldOut.split} data`,
    ],
    ["difference", `${difference.largest.toPrecision(2)} of the outputs' size at most${sameClass}`],
    ...quantizationFacts(report),
    ["before", measuresInWords(before)],
    ["after", measuresInWords(after)],
    ["model card", cardPath],
  ]);
}

function quantizationFacts({ quantization }: ExportReport): readonly (readonly [string, string])[] {
  if (quantization === null) return [];
  const { numLayers, drop, layers } = quantization;
  const lost = drop === null ? "" : `, ${drop.toFixed(2)} points of accuracy lost`;
  const kept = layers?.filter(({ isKept }) => isKept).map(({ layer }) => layer) ?? [];
  return [
    ["in 8 bits", `${formatCount(numLayers)} layers${lost}`],
    ...(kept.length === 0 ? [] : [["kept in float32", kept.join(", ")] as const]),
  ];
}

function measuresInWords({ numBytes, metrics, times }: ModelMeasures): string {
  const { p50Ms, p99Ms, loadMs } = times;
  const time = `${p50Ms.toPrecision(3)} ms a sample (99 %: ${p99Ms.toPrecision(3)})`;
  return `${formatMetrics(metrics)}; ${formatBytes(numBytes)}; ${time}, loaded in ${loadMs.toPrecision(3)} ms`;
}
