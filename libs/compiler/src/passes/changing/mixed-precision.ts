import {
  attribute,
  type Dtype,
  type Graph,
  makeGraph,
  makeNode,
  makeValue,
  type Node,
  opTable,
  sameValue,
  type Value,
} from "@anneal/graph";
import { chooseHalfNodes, followingOf } from "../../precision/choose-formats.ts";
import type { CostModel } from "../../precision/kernel-costs.ts";
import { withoutGradientPrefix } from "../../trace/trace-backend.ts";
import type { Pass } from "../pass.ts";

export interface MixedPrecisionOptions {
  readonly dtype: "bfloat16" | "float16";
  readonly costs: CostModel;
  /** Whether nodes of this scope, gradients included, may be computed in 16-bit floats. */
  readonly allows: (scope: string) => boolean;
}

/**
 * Computes in 16-bit floats what is faster so, casts included, and loses little (Micikevicius et al., Mixed Precision Training, 2018):
 * variables, updates, losses and whatever else has no `precision` in its row stay in float32.
 */
export function mixedPrecision({ dtype, costs, allows }: MixedPrecisionOptions): Pass {
  return {
    name: "mixed-precision",
    run: (graph) =>
      paint(
        graph,
        dtype,
        chooseHalfNodes(graph, costs, ({ scope }) => allows(withoutGradientPrefix(scope))),
      ),
  };
}

function paint(graph: Graph, dtype: "bfloat16" | "float16", half: ReadonlySet<Node>): Graph {
  const nodes = new Map<Node, Node>();
  const casts = new Map<Node, Map<number, Value>>();
  /** A value as nodes made before have it: in the format that its maker was painted in. */
  const painted = ({ node, index }: Value): Value => ({ node: nodes.get(node) ?? node, index });
  const inFormat = (value: Value, wanted: Dtype): Value => {
    const made = painted(value);
    const found = made.node.outputs[made.index]!.dtype;
    if (found === wanted || (found !== "float32" && found !== dtype)) return made;
    const ofNode = casts.get(made.node) ?? new Map<number, Value>();
    casts.set(made.node, ofNode);
    const cast = ofNode.get(made.index) ?? castTo(made, found, wanted);
    ofNode.set(made.index, cast);
    return cast;
  };
  for (const node of graph.nodes) {
    const following = half.has(node) ? followingOf(node)! : null;
    const inputs = node.inputs.map((value, index) =>
      inFormat(value, following?.inputs.has(index) ? dtype : value.node.outputs[value.index]!.dtype),
    );
    const controls = node.controls.map((control) => nodes.get(control) ?? control);
    nodes.set(node, following === null ? keep(node, inputs, controls) : inHalf(node, inputs, controls, dtype));
  }
  const outputs = Object.entries(graph.outputs).map(([name, value]) => [
    name,
    inFormat(value, value.node.outputs[value.index]!.dtype),
  ]);
  return makeGraph(Object.fromEntries(outputs));
}

function keep(node: Node, inputs: readonly Value[], controls: readonly Node[]): Node {
  const isSame =
    inputs.every((input, index) => sameValue(input, node.inputs[index]!)) &&
    controls.every((control, index) => control === node.controls[index]);
  return isSame ? node : { ...node, inputs, controls };
}

function inHalf(
  { op, attributes, scope, name }: Node,
  inputs: readonly Value[],
  controls: readonly Node[],
  dtype: Dtype,
) {
  const format = opTable[op]?.precision?.attribute ?? "T";
  const options = { controls, scope, ...(name !== null && { name }) };
  return makeNode(op, inputs, { ...attributes, [format]: attribute.type(dtype) }, options);
}

function castTo(value: Value, from: Dtype, to: Dtype): Value {
  const attributes = { SrcT: attribute.type(from), DstT: attribute.type(to) };
  return makeValue("Cast", [value], attributes, { scope: value.node.scope });
}
