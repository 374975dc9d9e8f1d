import type { Graph, Node } from "@anneal/graph";
import fc from "fast-check";
import { expect, test } from "vitest";
import { randomGraphs } from "../test-support/random-graph.ts";
import { simulateExecutor } from "./executor.ts";
import { frugalOrder } from "./frugal-order.ts";

function expectOrder({ nodes }: Graph, order: readonly Node[]): void {
  expect(new Set(order)).toEqual(new Set(nodes));
  expect(order).toHaveLength(nodes.length);
  const places = new Map(order.map((node, index) => [node, index]));
  for (const node of nodes) {
    for (const { node: needed } of node.inputs) expect(places.get(needed)).toBeLessThan(places.get(node)!);
  }
}

test("the executor runs every node once, after what it needs, and no more at a time than it has threads", () => {
  fc.assert(
    fc.property(randomGraphs(), fc.integer({ min: 1, max: 4 }), (graph, numThreads) => {
      const [begun, ended]: [Node[], Node[]] = [[], []];
      simulateExecutor(graph, numThreads, {
        begin: (node) => {
          for (const input of node.inputs) expect(ended).toContain(input.node);
          begun.push(node);
          expect(begun.length - ended.length).toBeLessThanOrEqual(numThreads);
        },
        end: (node) => ended.push(node),
      });
      expectOrder(graph, begun);
      expectOrder(graph, ended);
    }),
    { numRuns: 30 },
  );
});

test("a frugal order has every node after what it needs, and gives back what it takes", () => {
  fc.assert(
    fc.property(randomGraphs(), (graph) => {
      const order = frugalOrder(graph);
      expectOrder(
        graph,
        order.map(({ node }) => node),
      );
      const taken = order.reduce((sum, { takenBytes }) => sum + takenBytes, 0);
      const freed = order.flatMap((each) => each.freed).reduce((sum, { bytes }) => sum + bytes, 0);
      expect(freed).toBeLessThanOrEqual(taken);
    }),
    { numRuns: 30 },
  );
});
