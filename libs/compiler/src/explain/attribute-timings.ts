import { type ExplainedNode, type ExplainedPart, type StepPhase, stepPhases } from "@anneal/contracts";
import { formatType, type Graph, type Node, opTable } from "@anneal/graph";
import type { NodeTiming } from "@anneal/runtime";
import { partOfScope, recomputedPrefix } from "../recompute/build.ts";
import { gradientPrefix } from "../trace/trace-backend.ts";

/** Which part of a step something belongs to, and what it is for. */
interface Place {
  readonly part: string;
  readonly phase: StepPhase;
}

/**
 * Timings of several runs of a graph by node: the fastest run of each, most expensive first. TensorFlow's own nodes are
 * placed by their names, which begin as those of the nodes that they came from.
 *
 * @param variables names of the variables: a name within a variable's is of the part that has the variable
 */
export function attributeTimings(
  runs: readonly (readonly NodeTiming[])[],
  variables: readonly string[],
): readonly ExplainedNode[] {
  const fastest = new Map<string, { readonly timing: NodeTiming; readonly microseconds: number }>();
  for (const run of runs) {
    // A node may run in several pieces in one run.
    for (const [name, timings] of Map.groupBy(run, (timing) => timing.name)) {
      const microseconds = timings.reduce((sum, timing) => sum + timing.microseconds, 0);
      if (microseconds < (fastest.get(name)?.microseconds ?? Number.POSITIVE_INFINITY)) {
        fastest.set(name, { timing: timings[0]!, microseconds });
      }
    }
  }
  return [...fastest.values()]
    .map(({ timing: { name, label }, microseconds }) => {
      const op = /= (\w+)\(/.exec(label)?.[1] ?? name.split("/").at(-1)!;
      return { name, op, ...placeOf(name.split("/").slice(0, -1).join("/"), op, variables), microseconds };
    })
    .sort((a, b) => b.microseconds - a.microseconds);
}

/** The parts of a step in the order in which a graph computes them first, with what its nodes cost. */
export function summarizeParts(
  graph: Graph,
  nodes: readonly ExplainedNode[],
  variables: readonly string[],
): readonly ExplainedPart[] {
  const placed = graph.nodes
    .filter(({ op }) => opTable[op]?.kind !== "source")
    .map((node) => ({ node, ...placeOf(node.scope, node.op, variables) }));
  return forwardOrder(placed).map((name): ExplainedPart => {
    const own = placed.filter(({ part }) => part === name);
    const last = own.findLast(({ node, phase }) => phase === "forward" && opTable[node.op]?.kind !== "state");
    return {
      name,
      output: last?.node.outputs[0] === undefined ? null : formatType(last.node.outputs[0]),
      numNodes: byPhase((phase) => own.filter((placement) => placement.phase === phase).length),
      microseconds: byPhase((phase) => costOf(nodes, name, phase)),
    };
  });
}

/** Names of parts as the forward pass reaches them. One of which only the gradient is left comes before the next that has both. */
function forwardOrder(placed: readonly Place[]): readonly string[] {
  const namesOf = (phase: StepPhase) => [
    ...new Set(placed.filter((place) => place.phase === phase && place.part !== "").map(({ part }) => part)),
  ];
  const order = namesOf("forward");
  // The gradients of a chain of parts run the other way.
  const mirrored = namesOf("backward").reverse();
  for (const [index, name] of mirrored.entries()) {
    if (order.includes(name)) continue;
    const next = mirrored.slice(index + 1).find((other) => order.includes(other));
    order.splice(next === undefined ? order.length : order.indexOf(next), 0, name);
  }
  return order;
}

function costOf(nodes: readonly ExplainedNode[], part: string, phase: StepPhase): number {
  return nodes
    .filter((node) => node.part === part && node.phase === phase)
    .reduce((sum, { microseconds }) => sum + microseconds, 0);
}

function byPhase(value: (phase: StepPhase) => number): Readonly<Record<StepPhase, number>> {
  return Object.fromEntries(stepPhases.map((phase) => [phase, value(phase)])) as Record<StepPhase, number>;
}

/** Where a node belongs that bears this scope. */
export function placeOf(scope: string, op: Node["op"], variables: readonly string[]): Place {
  // What is computed again is part of the way back.
  const isBackward = scope.startsWith(recomputedPrefix) || scope.startsWith(gradientPrefix);
  const within = partOfScope(scope);
  const isOfVariable = variables.includes(within);
  const part = isOfVariable && within.includes("/") ? within.slice(0, within.lastIndexOf("/")) : within;
  const updates = opTable[op]?.kind === "state" && op !== "ReadVariableOp" && op !== "VarHandleOp";
  if (updates || (isOfVariable && op !== "ReadVariableOp" && op !== "VarHandleOp")) return { part, phase: "update" };
  return { part, phase: isBackward ? "backward" : "forward" };
}
