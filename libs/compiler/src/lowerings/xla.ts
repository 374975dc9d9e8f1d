import { attribute, type OpKind, opTable, rewriteGraph } from "@anneal/graph";
import type { Pass } from "../passes/pass.ts";

/** Left to TensorFlow: variables and branches are its own, and XLA may draw other random numbers from the same key. */
const notCompiled: ReadonlySet<OpKind> = new Set(["source", "state", "control", "random"]);

/**
 * Asks TensorFlow to compile what it can with XLA. It clusters nodes that have this attribute whatever its own settings say
 * (`ShouldCompileClusterImpl` in `tensorflow/compiler/jit/mark_for_compilation_pass.cc`, TensorFlow 2.21).
 */
export const xla: Pass = {
  name: "xla",
  run: (graph) =>
    rewriteGraph(graph, (node) => {
      const kind = opTable[node.op]?.kind;
      if (kind === undefined || notCompiled.has(kind) || node.attributes._XlaCompile !== undefined) return null;
      const compiled = { ...node, attributes: { ...node.attributes, _XlaCompile: attribute.bool(true) } };
      return node.outputs.map((_, index) => ({ node: compiled, index }));
    }),
};
