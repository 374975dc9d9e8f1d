import type { DifferenceBound, ExportReport, LayerLoss, OutputDifference } from "@anneal/contracts";
import { formatBytes, formatMetric } from "@anneal/report";
import type { Exporter } from "../formats/exporter.ts";

/** What there is to say of an exported model, as Markdown: what it is, how it was proven, what it costs. */
export function modelCard(report: ExportReport, { title }: Pick<Exporter, "title">): string {
  const { spec, recipe, checkpoint, file, runtime, heldOut, difference, bound, fixedBatch } = report;
  const batch =
    fixedBatch === null ? "any batch" : `batches of ${fixedBatch.numSamples}: the graph ${fixedBatch.reason}`;
  return `# ${recipe.name} as ${title}, ${spec.precision}

Trained by Anneal to step ${checkpoint.step} (epoch ${checkpoint.epoch}); checkpoint \`${checkpoint.digest}\`, recipe \`${recipe.digest}\`.

- File: \`${file.path.split("/").at(-1)}\`, ${formatBytes(file.numBytes)}, sha256 \`${file.sha256}\`
- Input \`${report.input.name}\`: ${report.input.dtype} \`[batch, ${report.input.shape.join(", ")}]\`, as the recipe's transforms make it
- Output \`${report.output.name}\`: ${report.output.dtype} \`[${["batch", ...report.output.shape].join(", ")}]\`
- Takes ${batch}

## Proof

Run by ${runtime.name} ${runtime.version} on ${heldOut.numSamples} samples of the ${heldOut.split} data, against the model that was trained:
${differenceInWords(difference, bound)}.

| | before | after |
|---|---|---|
${rowsOf(report).join("\n")}

Times are of this machine, with all of its cores; the model before is run by Anneal's own engine.

${quantizationSection(report)}## Operators

${Object.entries(report.ops)
  .map(([op, count]) => `${op} ${count}`)
  .join(", ")}
`;
}

function rowsOf({ before, after }: ExportReport): readonly string[] {
  const row = (name: string, [first, second]: readonly [string, string]) => `| ${name} | ${first} | ${second} |`;
  const both = (pick: (measures: typeof before) => string): [string, string] => [pick(before), pick(after)];
  const metrics = Object.keys(before.metrics).map((name) =>
    row(
      name,
      both((measures) => formatMetric(measures.metrics[name] ?? Number.NaN)),
    ),
  );
  return [
    ...metrics,
    row(
      "size",
      both(({ numBytes }) => formatBytes(numBytes)),
    ),
    row(
      "load",
      both(({ times }) => formatMs(times.loadMs)),
    ),
    row(
      "one sample, median",
      both(({ times }) => formatMs(times.p50Ms)),
    ),
    row(
      "one sample, 99th percentile",
      both(({ times }) => formatMs(times.p99Ms)),
    ),
  ];
}

function quantizationSection({ quantization, heldOut }: ExportReport): string {
  if (quantization === null) return "";
  const { calibration, numLayers, drop, layers } = quantization;
  const ranges =
    calibration === null
      ? "Their activations are float32 in the file."
      : `The ranges of their activations are those of ${calibration.numSamples} training samples (${calibration.method}).`;
  const lost = drop === null ? "" : ` ${drop.toFixed(2)} points of accuracy were lost.`;
  return `## Whole numbers

${numLayers} layers are in 8 bits. ${ranges}${lost}

${layers === null ? "" : `${keptTable(layers, heldOut)}\n\n`}`;
}

function keptTable(layers: readonly LayerLoss[], { numSamples, split }: ExportReport["heldOut"]): string {
  const rows = layers.map(
    ({ layer, rootMeanSquare, isKept }) =>
      `| ${layer} | ${rootMeanSquare.toPrecision(2)} | ${isKept ? "float32" : "8 bits"} |`,
  );
  return `What each layer alone does to the outputs in 8 bits; those that lose the most were kept in float32 until the file lost no more than it may, as judged by the same ${numSamples} samples of the ${split} data:

| layer | root mean square of the difference | kept in |
|---|---|---|
${rows.join("\n")}`;
}

/** How far outputs are apart, and how far they might be. */
export function differenceInWords(difference: OutputDifference, bound: DifferenceBound): string {
  const { largest, rootMeanSquare, sameClass } = difference;
  const said = (value: number, limit: number | null) =>
    `${value.toPrecision(2)}${limit === null ? "" : ` (at most ${limit})`}`;
  const classes = sameClass === null ? "" : `, the same class for ${(100 * sameClass).toFixed(2)} %`;
  return `outputs differ by ${said(largest, bound.largest)} of their size at most, by ${said(rootMeanSquare, bound.rootMeanSquare)} in the root mean square${classes}`;
}

function formatMs(milliseconds: number): string {
  return `${milliseconds.toPrecision(3)} ms`;
}
