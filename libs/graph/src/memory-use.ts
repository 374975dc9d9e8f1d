import type { Node } from "./graph.ts";
import { callOf } from "./infer.ts";
import { opTable } from "./ops/index.ts";

/** What a node does with memory, where TensorFlow runs it on a CPU. */
export interface MemoryUse {
  /** The input whose memory its outputs show; null where they have memory of their own. */
  readonly viewOf: number | null;
  /** Inputs whose memory an output of the same type takes once nothing else needs it. */
  readonly inPlace: readonly number[];
  /** Kept beside the outputs, as long as they are. */
  readonly workspaceBytes: number;
}

const known = new WeakMap<Node, MemoryUse>();

export function memoryUseOf(node: Node): MemoryUse {
  const found = known.get(node) ?? readMemoryUse(node);
  known.set(node, found);
  return found;
}

function readMemoryUse(node: Node): MemoryUse {
  const row = opTable[node.op];
  const call = callOf(node);
  return {
    viewOf: row?.viewOf?.(call) ?? null,
    inPlace: row?.inPlace === "all" ? node.inputs.map((_, index) => index) : (row?.inPlace ?? []),
    workspaceBytes: row?.workspaceBytes?.(call) ?? 0,
  };
}
