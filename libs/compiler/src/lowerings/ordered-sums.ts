import {
  type Graph,
  memoryUseOf,
  type Node,
  opTable,
  type RewriteContext,
  rewriteGraph,
  simpleCall,
  type Value,
} from "@anneal/graph";
import type { Pass } from "../passes/pass.ts";

/**
 * Sums whose terms are added in one order, always. `AddN` begins with the first input whose memory it may reuse, and whether
 * somebody else still reads that memory depends on which thread was faster: the bits of the sum would too. Where a term is needed by
 * the sum alone, it is put first, and is the one that is reused; a sum without such a term is written as additions of two.
 */
export const orderedSums: Pass = {
  name: "ordered-sums",
  run: (graph) =>
    rewriteGraph(graph, ({ op, inputs, controls, scope, ...node }, context) => {
      if (op !== "AddN" || inputs.length < 2) return null;
      const first = inputs.findIndex((term) => isFree(term, context));
      if (first === 0) return null;
      if (first > 0) {
        const ordered = [inputs[first]!, ...inputs.toSpliced(first, 1)];
        return [{ node: { ...node, op, inputs: ordered, controls, scope }, index: 0 }];
      }
      return [addOneByOne({ inputs, controls, scope })];
    }),
};

/** Sums that were in order, after others have come to need their first terms: they keep their order, written as additions of two. */
export function keepOrder(graph: Graph): Graph {
  return rewriteGraph(graph, (node, context) =>
    node.op !== "AddN" || isFree(node.inputs[0]!, context) ? null : [addOneByOne(node)],
  );
}

function addOneByOne({ inputs, controls, scope }: Pick<Node, "inputs" | "controls" | "scope">): Value {
  const [start, ...rest] = inputs as readonly [Value, ...Value[]];
  return rest.reduce((sum, term) => simpleCall("AddV2", [sum, term], { scope, controls }), start);
}

/** Whether a value has memory of its own that nobody but its one user can be reading. */
function isFree(value: Value, { numUses, original }: RewriteContext): boolean {
  const { node } = value;
  const isOwn = ownsMemory.has(opTable[node.op]?.kind ?? "") && memoryUseOf(node).viewOf === null;
  return isOwn && numUses(original(value)) === 1;
}

/** Kinds of ops that compute what they return. Sums over axes of size 1 would be views, too: `simplify-arithmetic` leaves none. */
const ownsMemory: ReadonlySet<string> = new Set([
  "elementwise",
  "reduction",
  "contraction",
  "pooling",
  "normalization",
]);
