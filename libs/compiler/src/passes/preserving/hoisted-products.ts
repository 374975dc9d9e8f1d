import {
  type Graph,
  isSet,
  makeValue,
  type Node,
  producerOf,
  reshape,
  rewriteGraph,
  sameValue,
  simpleCall,
  typeOf,
  type Value,
} from "@anneal/graph";
import type { Pass } from "../pass.ts";
import { unpack, unpackOf } from "../sequences.ts";

/**
 * A product of every timestep of a sequence with the same matrix does not need to wait for the recurrence: it is one product of the
 * whole sequence, before the loop. A bias that the loop adds to it goes along.
 */
export const hoistedProducts: Pass = {
  name: "hoisted-products",
  run: (graph) => hoist(biasFirst(hoist(graph, "MatMul")), "BiasAdd"),
};

/** One output for each timestep. */
interface Family {
  /** The timestep of each member. */
  readonly steps: Map<Node, number>;
  /** Results of the whole, by timestep; made when the first member is met. */
  results: readonly Value[] | null;
}

/** Puts nodes of an op that differ by their timestep alone together. */
function hoist(graph: Graph, op: "MatMul" | "BiasAdd"): Graph {
  const families = familiesOf(graph, op);
  return rewriteGraph(graph, (node, { original }) => {
    const before = original({ node, index: 0 }).node;
    const family = families.get(before);
    if (family === undefined) return null;
    family.results ??= applyToWhole(node);
    return [family.results[family.steps.get(before)!]!];
  });
}

function familiesOf(graph: Graph, op: string): ReadonlyMap<Node, Family> {
  const families: { readonly key: Node; readonly family: Family }[] = [];
  const byUnpack = new Map<Node, typeof families>();
  for (const node of graph.nodes) {
    const sequence = node.op === op && node.controls.length === 0 ? unpackOf(node.inputs[0]!) : null;
    if (sequence === null || isSet(node, "transpose_a") || node.outputs[0]!.shape.length !== 2) continue;
    if (node.attributes.data_format !== undefined) continue;
    const candidates = byUnpack.get(sequence) ?? [];
    byUnpack.set(sequence, candidates);
    const step = node.inputs[0]!.index;
    const known = candidates.find(({ key }) => isSameCall(key, node));
    if (known !== undefined) known.family.steps.set(node, step);
    else candidates.push({ key: node, family: { steps: new Map([[node, step]]), results: null } });
  }
  const members = new Map<Node, Family>();
  for (const [sequence, candidates] of byUnpack) {
    for (const { family } of candidates) {
      // With fewer than half of the timesteps, most of the large product would be for nothing.
      if (family.steps.size < 2 || family.steps.size < sequence.outputs.length / 2) continue;
      for (const node of family.steps.keys()) members.set(node, family);
    }
  }
  return members;
}

/** Whether two calls differ by their first input alone. */
function isSameCall(a: Node, b: Node): boolean {
  return sameValue(a.inputs[1]!, b.inputs[1]!) && isSet(a, "transpose_b") === isSet(b, "transpose_b");
}

function applyToWhole(node: Node): readonly Value[] {
  const { scope, attributes } = node;
  const [sequence] = node.inputs[0]!.node.inputs as [Value];
  const [numSteps, numRows, numColumns] = typeOf(sequence).shape as [number, number, number];
  const rows = reshape(sequence, [numSteps * numRows, numColumns], { scope });
  const whole = makeValue(node.op, [rows, ...node.inputs.slice(1)], attributes, { scope });
  return unpack(reshape(whole, [numSteps, numRows, typeOf(whole).shape[1]!], { scope }), 0, scope);
}

/** `(x + h) + b = (x + b) + h`, where `x` belongs to a timestep of a sequence that is known before the loop. */
function biasFirst(graph: Graph): Graph {
  return rewriteGraph(graph, (node, { numUses, original }) => {
    if (node.op !== "BiasAdd" || node.controls.length > 0) return null;
    const [value, bias] = node.inputs as [Value, Value];
    const sum = producerOf(value, "Add", "AddV2");
    if (sum === null || numUses(original(value)) !== 1) return null;
    const place = sum.inputs.findIndex((term) => unpackOf(term) !== null);
    const [term, other] = [sum.inputs[place], sum.inputs[1 - place]];
    if (term === undefined || other === undefined || typeOf(term).shape.length !== 2) return null;
    if (typeOf(term).shape[1] !== typeOf(bias).shape[0] || typeOf(other).shape.length !== 2) return null;
    const biased = makeValue("BiasAdd", [term, bias], node.attributes, { scope: node.scope });
    return [simpleCall("AddV2", [biased, other], { scope: node.scope })];
  });
}
