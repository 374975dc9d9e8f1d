import type { DifferenceBound } from "@anneal/contracts";
import { type Node, typeOf, type Value } from "@anneal/graph";
import type { FeedValues, TensorflowBackend } from "@anneal/runtime";
import type { Exporter, WriteRequest } from "../formats/exporter.ts";
import { openReference } from "../model/reference.ts";
import { type Samples, sliceSamples } from "../runtimes/runtime.ts";
import { compareOutputs, isWithin } from "./agreement.ts";

/** Where a file's values part from the model's. */
export interface FirstDifference {
  readonly layer: string;
  readonly op: string;
  readonly largest: number;
}

export interface DifferenceSearch {
  readonly exporter: Exporter;
  readonly request: WriteRequest;
  readonly samples: Samples;
  readonly bound: DifferenceBound;
  readonly backend: TensorflowBackend;
  /** Writes a model to a file that the search may keep for as long as it runs. */
  readonly writeFile: (request: WriteRequest) => {
    readonly path: string;
    readonly outputs: readonly (string | null)[];
  };
}

/**
 * The first value of the graph, in the order in which it computes, that the file has otherwise: both give the last value of each layer, then
 * all values of the first layer that differs. Null where every layer agrees.
 */
export async function firstDifference(search: DifferenceSearch): Promise<FirstDifference | null> {
  const { model } = search.request;
  const floats = model.graph.nodes.filter(isComputedFloat);
  const lasts = floats.filter((node, index) => floats[index + 1]?.scope !== node.scope);
  const layer = await firstOf(search, lasts);
  if (layer === null) return null;
  const within = floats.filter(({ scope }) => scope === layer.layer);
  return (await firstOf(search, within)) ?? layer;
}

async function firstOf(search: DifferenceSearch, nodes: readonly Node[]): Promise<FirstDifference | null> {
  const { exporter, request, bound, backend } = search;
  const probes = nodes.map((node): Value => ({ node, index: 0 }));
  const { path, outputs } = search.writeFile({ ...request, probes });
  const names = outputs.slice(request.model.outputs.length);
  const given = probes.flatMap((value, index) => (names[index] === null ? [] : [{ value, name: names[index]! }]));
  const values = given.map(({ value }) => value);
  using reference = openReference(request.model, values, backend);
  const samples = repeated(search.samples, reference.numSamples);
  const expected = reference.run([samples.values as FeedValues]);
  const asked = given.map(({ name }) => name);
  const batch = { samples, batchSize: samples.numSamples, numTimed: 0 };
  const actual = await exporter.runtime.run({ path, outputs: asked, ...batch });
  for (const [index, { value }] of given.entries()) {
    const { numSamples } = samples;
    const difference = compareOutputs(expected[index] as Float32Array, actual.outputs[index]!, {
      numSamples,
      areClasses: false,
    });
    if (!isWithin(difference, bound)) {
      return { layer: value.node.scope, op: value.node.op, largest: difference.largest };
    }
  }
  return null;
}

/** As many samples as the graph was traced for, the first ones again where there are fewer. */
function repeated(samples: Samples, numSamples: number): Samples {
  if (samples.numSamples >= numSamples) return sliceSamples(samples, 0, numSamples);
  const size = samples.values.length / samples.numSamples;
  const values = new (samples.values.constructor as Float32ArrayConstructor)(numSamples * size);
  for (let sample = 0; sample < numSamples; sample++) {
    const from = (sample % samples.numSamples) * size;
    values.set(samples.values.subarray(from, from + size), sample * size);
  }
  return { ...samples, numSamples, values };
}

function isComputedFloat(node: Node): boolean {
  const isSource = ["Const", "Placeholder", "ReadVariableOp", "VarHandleOp"].includes(node.op);
  return !isSource && typeOf({ node, index: 0 }).dtype === "float32";
}

/** Where the outputs part, in words. */
export function inWords(found: FirstDifference | null): string {
  if (found === null) return "every layer agrees by itself: the differences add up";
  const where = found.layer === "" ? found.op : `${found.layer} (${found.op})`;
  return `the first layer that differs is ${where}, by ${found.largest.toPrecision(2)} of its size`;
}
