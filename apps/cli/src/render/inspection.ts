import type { InspectedTensor, ModelInspection } from "@anneal/contracts";
import { formatBytes, formatCount } from "@anneal/report";
import { formatFacts, formatTable } from "./table.ts";

/** What is in a model's file, for people. */
export function formatInspection(inspection: ModelInspection): string {
  const { path, format, numBytes, producer, inputs, outputs, weights, ops, running, notRun, warnings } = inspection;
  const facts = formatFacts([
    ["file", `${path} (${format}, ${formatBytes(numBytes)})`],
    ["written by", producer],
    ["takes", inputs.map(tensorInWords).join("; ")],
    ["gives", outputs.map(tensorInWords).join("; ")],
    ["weights", weightsInWords(weights)],
    ["peak memory", running && `${formatBytes(running.peakActivationBytes)} of activations, at ${running.peakAt}`],
    ["activations", running && bytesInWords(running.activations)],
    ["operations", running && `${formatCount(running.numOperations)} for a batch of one, estimated`],
    ["not run", notRun],
  ]);
  const rows = ops.map(({ op, count, numOperations }) => [
    op,
    formatCount(count),
    numOperations === null ? "" : formatCount(numOperations),
  ]);
  const table = formatTable(["op", "calls", "operations"], rows);
  return [facts, table, ...warnings.map((warning) => `warning: ${warning}`)].join("\n\n");
}

function tensorInWords({ name, dtype, dims }: InspectedTensor): string {
  return `${name}: ${dtype} [${dims.join(", ")}]`;
}

function weightsInWords(weights: ModelInspection["weights"]): string {
  return Object.entries(weights)
    .map(([dtype, { numValues, numBytes }]) => `${formatCount(numValues)} ${dtype} (${formatBytes(numBytes)})`)
    .join(", ");
}

function bytesInWords(bytes: Readonly<Record<string, number>>): string {
  return Object.entries(bytes)
    .map(([dtype, numBytes]) => `${formatBytes(numBytes)} ${dtype}`)
    .join(", ");
}
