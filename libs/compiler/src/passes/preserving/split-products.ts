import {
  type Graph,
  isSet,
  makeValue,
  type Node,
  numbersOf,
  rewriteGraph,
  sameType,
  simpleCall,
  sizeOf,
  splatOf,
  typeOf,
  type Value,
} from "@anneal/graph";
import type { Pass } from "../pass.ts";
import { minGateSize, weightSplitter } from "../sequences.ts";

/**
 * Gates of a recurrence, computed side by side in one matrix only to be taken apart, are computed one by one:
 *
 *   `split(x [W1, W2] + h [U1, U2] + [b1, b2]) = x W1 + h U1 + b1,  x W2 + h U2 + b2`
 *
 * The products of a timestep do not wait for each other, nor does one gate for the others' activations, and nothing is copied.
 * The counterpart, on the way forward, of `concatenated-products`.
 */
export const splitProducts: Pass = { name: "split-products", run };

/** A weight that fewer products use is none of a recurrence's: one large product is as fast as several. */
const minTimesteps = 4;

function run(graph: Graph): Graph {
  const split = weightSplitter(graph);
  return rewriteGraph(graph, (node, context) => {
    const { numUses, original } = context;
    const widths = node.op === "SplitV" && node.controls.length === 0 ? columnWidths(node) : null;
    if (widths === null) return null;

    /** The columns of a matrix, each computed by itself; null where they cannot be, or somebody needs the whole. */
    const columnsOf = (value: Value): readonly Value[] | null => {
      const { op, inputs, controls, attributes, scope, outputs } = value.node;
      if (numUses(original(value)) !== 1 || controls.length > 0) return null;
      const [first, second] = inputs as [Value, Value];
      if (op === "MatMul") {
        if (numUses(original(second)) < minTimesteps) return null;
        const weights = split(second, widths, isSet(value.node, "transpose_b") ? 0 : 1, context);
        return weights.map((weight) => makeValue("MatMul", [first, weight], attributes, { scope }));
      }
      if (op === "BiasAdd") {
        const columns = columnsOf(first);
        if (columns === null) return null;
        const biases = split(second, widths, 0, context);
        return columns.map((column, gate) => makeValue("BiasAdd", [column, biases[gate]!], attributes, { scope }));
      }
      if (op !== "Add" && op !== "AddV2") return null;
      if (!inputs.every((term) => sameType(typeOf(term), outputs[0]!))) return null;
      const terms = inputs.map(columnsOf);
      const [left, right] = terms;
      if (!left || !right) return null;
      return left.map((column, gate) => simpleCall("AddV2", [column, right[gate]!], { scope }));
    };

    return columnsOf(node.inputs[0]!);
  });
}

/** Widths of the columns that a node takes a matrix apart into; null for another op, or columns too small to be worth it. */
function columnWidths(node: Node): readonly number[] | null {
  const [matrix, sizes, axis] = node.inputs as [Value, Value, Value];
  const isColumns = typeOf(matrix).shape.length === 2 && [1, -1].includes(splatOf(axis) ?? 0);
  const areLarge = node.outputs.every(({ shape }) => sizeOf(shape) >= minGateSize);
  return isColumns && areLarge ? numbersOf(sizes) : null;
}
