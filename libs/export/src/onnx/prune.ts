import type { OnnxGraph, OnnxNode } from "./onnx-graph.ts";

/** Without nodes and tensors that no output needs, and without nodes that only give a name to an output. */
export function prune(graph: OnnxGraph): OnnxGraph {
  const renamed = withoutIdentities(graph);
  const needed = new Set(graph.outputs.map(({ name }) => name));
  const nodes = renamed
    .toReversed()
    .filter(({ inputs, outputs }) => {
      if (!outputs.some((name) => needed.has(name))) return false;
      for (const name of inputs) needed.add(name);
      return true;
    })
    .reverse();
  return { ...graph, nodes, initializers: graph.initializers.filter(({ name }) => needed.has(name)) };
}

/** What makes an output bears its name. An output that is an input, a tensor of the file or another output keeps its node. */
function withoutIdentities({ nodes, outputs }: OnnxGraph): readonly OnnxNode[] {
  const names = new Set(outputs.map(({ name }) => name));
  const made = new Set(nodes.flatMap((node) => node.outputs));
  const renames = new Map<string, string>();
  const kept = nodes.filter(({ op, inputs, outputs: [output] }) => {
    const [input] = inputs as [string];
    const isName = op === "Identity" && names.has(output!) && made.has(input) && !names.has(input);
    if (!isName || renames.has(input)) return true;
    renames.set(input, output!);
    return false;
  });
  const rename = (name: string): string => renames.get(name) ?? name;
  return kept.map((node) => ({ ...node, inputs: node.inputs.map(rename), outputs: node.outputs.map(rename) }));
}
