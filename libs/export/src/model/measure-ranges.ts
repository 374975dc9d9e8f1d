import { calibrate, Histogram, type ValueRange } from "@anneal/compress";
import type { CalibrationMethod } from "@anneal/contracts";
import { type Node, sizeOf, typeOf, type Value } from "@anneal/graph";
import type { FeedValues, TensorflowBackend } from "@anneal/runtime";
import type { Samples } from "../runtimes/runtime.ts";
import type { PredictModel } from "./predict-model.ts";
import { openReference } from "./reference.ts";

/** Values that are in memory at a time, in bytes. */
const mostBytes = 2 ** 28;

interface RangeOptions {
  readonly method: CalibrationMethod;
  readonly samples: Samples;
  readonly backend: TensorflowBackend;
}

/**
 * The range of each float32 value of a model over some samples, as TensorFlow computes it. Samples go in batches of the size that the
 * graph was traced for; the last is filled up with the first samples.
 */
export function measureRanges(
  model: PredictModel,
  { method, samples, backend }: RangeOptions,
): (value: Value) => ValueRange | null {
  const ranges = new Map<Node, (ValueRange | null)[]>();
  for (const values of groupsOf(model)) {
    using reference = openReference(model, values, backend);
    const seen = values.map((): Histogram | null => new Histogram());
    for (let from = 0; from < samples.numSamples; from += reference.numSamples) {
      const outputs = reference.run([batchFrom(samples, from, reference.numSamples)]);
      seen.forEach((histogram, index) => {
        const found = outputs[index] as Float32Array;
        // What is infinite somewhere, as masks are, has no range.
        if (found.every(Number.isFinite)) histogram?.add(found);
        else seen[index] = null;
      });
    }
    values.forEach(({ node, index }, place) => {
      const known = ranges.get(node) ?? [];
      const histogram = seen[place] ?? null;
      known[index] = histogram === null ? null : calibrate[method](histogram);
      ranges.set(node, known);
    });
  }
  return ({ node, index }) => ranges.get(node)?.[index] ?? null;
}

/** Values that are fetched together: no more than fit in memory. */
function groupsOf({ graph }: PredictModel): readonly (readonly Value[])[] {
  const sources = new Set(["Const", "ReadVariableOp", "VarHandleOp"]);
  const groups: Value[][] = [];
  let bytesLeft = 0;
  for (const node of graph.nodes) {
    if (sources.has(node.op)) continue;
    for (const index of node.outputs.keys()) {
      const value = { node, index };
      const { dtype, shape } = typeOf(value);
      if (dtype !== "float32" || sizeOf(shape) === 0) continue;
      bytesLeft -= 4 * sizeOf(shape);
      if (bytesLeft < 0 || groups.length === 0) {
        groups.push([]);
        bytesLeft = mostBytes - 4 * sizeOf(shape);
      }
      groups.at(-1)!.push(value);
    }
  }
  return groups;
}

function batchFrom({ values, numSamples }: Samples, from: number, batchSize: number): FeedValues {
  const size = values.length / numSamples;
  const batch = new (values.constructor as Float32ArrayConstructor)(batchSize * size);
  for (let sample = 0; sample < batchSize; sample++) {
    const at = ((from + sample) % numSamples) * size;
    batch.set(values.subarray(at, at + size), sample * size);
  }
  return batch;
}
