import type { StepExplanation, StepPhase } from "@anneal/contracts";
import { bytesInWords } from "@anneal/policy";
import { formatTable } from "./table.ts";

/** Nodes printed; `--json` has them all. */
const numNodesShown = 15;
const numTensorsShown = 10;
const smallestShownBytes = 1_024;

/** A compiled step for a person: what each pass did, where the time goes, and where the files are. */
export function formatExplanation(
  explanation: StepExplanation,
  files: { readonly graph: string; readonly picture: string },
): string {
  const { passes, parts, nodes, memory, batchSize, numParameters, compileMilliseconds, stepMilliseconds } = explanation;
  const total = nodes.reduce((sum, { microseconds }) => sum + microseconds, 0);
  const share = (microseconds: number) => `${((100 * microseconds) / Math.max(total, 1)).toFixed(1)} %`;
  const phase = (microseconds: Readonly<Record<StepPhase, number>>, name: StepPhase) =>
    milliseconds(microseconds[name]);
  return [
    `step of ${batchSize} samples: ${stepMilliseconds.toFixed(2)} ms (${numParameters} parameters; traced and compiled in ${compileMilliseconds.toFixed(0)} ms)`,
    "",
    formatTable(
      ["pass", "ms", "nodes before", "after"],
      passes.map((pass) => [
        pass.name,
        pass.milliseconds.toFixed(1),
        String(pass.numNodesBefore),
        String(pass.numNodesAfter),
      ]),
    ),
    "",
    formatTable(
      ["part", "output", "forward ms", "backward ms", "update ms"],
      parts.map(({ name, output, microseconds }) => [
        name,
        output ?? "",
        phase(microseconds, "forward"),
        phase(microseconds, "backward"),
        phase(microseconds, "update"),
      ]),
    ),
    "",
    `memory (predicted): ${bytesInWords(memory.peakBytes)} at its peak, beside ${bytesInWords(memory.residentBytes)} of variables and constants and a batch of ${bytesInWords(memory.fedBytes)}`,
    "",
    formatTable(
      ["largest tensors at the peak", "phase", "type", "size"],
      memory.alive
        .filter(({ bytes }) => bytes >= smallestShownBytes)
        .slice(0, numTensorsShown)
        .map((tensor) => [`${tensor.part} ${tensor.op}`.trim(), tensor.phase, tensor.type, bytesInWords(tensor.bytes)]),
    ),
    "",
    formatTable(
      ["most expensive nodes", "op", "ms", "share"],
      nodes
        .slice(0, numNodesShown)
        .map(({ name, op, microseconds }) => [name, op, milliseconds(microseconds), share(microseconds)]),
    ),
    "",
    `graph:   ${files.graph}`,
    `picture: ${files.picture}`,
  ].join("\n");
}

function milliseconds(microseconds: number): string {
  return microseconds === 0 ? "" : (microseconds / 1_000).toFixed(3);
}
