import type { Graph } from "@anneal/graph";
import type { Pass } from "../passes/pass.ts";
import { preservingPasses } from "../passes/pipeline.ts";
import { type Inputs, opsOf } from "./run-graph.ts";

/** The passes of the pipeline before one of them: what it finds in real graphs. */
export function passesBefore(pass: Pass): readonly Pass[] {
  return preservingPasses.slice(0, preservingPasses.indexOf(pass));
}

export function applyPasses(graph: Graph, passes: readonly Pass[]): Graph {
  return passes.reduce((current, pass) => pass.run(current), graph);
}

export function countOps(graph: Graph, ...ops: readonly string[]): readonly number[] {
  const all = opsOf(graph);
  return ops.map((op) => all.filter((each) => each === op).length);
}

/** float32 inputs of these shapes, no value of which is 0. */
export function inputsOf(shapes: Readonly<Record<string, readonly number[]>>): Inputs {
  return Object.fromEntries(
    Object.entries(shapes).map(([name, shape], index) => [
      name,
      {
        type: { dtype: "float32", shape },
        values: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, place) =>
          Math.sin(1 + place * 1.7 + index),
        ),
      },
    ]),
  );
}
