import fc from "fast-check";
import { expect, test } from "vitest";
import { type Edge, minimumCut } from "./min-cut.ts";

const source = 0;
const sink = 1;

function costOf(edges: readonly Edge[], isSourceSide: (vertex: number) => boolean): number {
  return edges
    .filter(({ from, to }) => isSourceSide(from) && !isSourceSide(to))
    .reduce((sum, { capacity }) => sum + capacity, 0);
}

/** Over all ways to split the vertices. */
function cheapest(numVertices: number, edges: readonly Edge[]): number {
  const costs = Array.from({ length: 2 ** (numVertices - 2) }, (_, sides) =>
    costOf(edges, (vertex) => vertex === source || (vertex !== sink && ((sides >> (vertex - 2)) & 1) === 1)),
  );
  return Math.min(...costs);
}

test("no other split of a small network costs less", () => {
  const vertex = fc.integer({ min: 0, max: 8 });
  const edge = fc.record({ from: vertex, to: vertex, capacity: fc.integer({ min: 0, max: 20 }) });
  fc.assert(
    fc.property(fc.array(edge, { maxLength: 30 }), (edges) => {
      const side = minimumCut(9, edges, source, sink);
      expect(side[source]).toBe(1);
      expect(side[sink]).toBe(0);
      expect(costOf(edges, (each) => side[each] === 1)).toBe(cheapest(9, edges));
    }),
    { numRuns: 300 },
  );
});

test("edges that may not be cut are not", () => {
  const edges = [
    { from: source, to: 2, capacity: 5 },
    { from: 2, to: 3, capacity: Number.POSITIVE_INFINITY },
    { from: 3, to: sink, capacity: 3 },
  ];
  expect([...minimumCut(4, edges, source, sink)]).toEqual([1, 0, 1, 1]);
});

test("a path of many thousand vertices needs no deep stack", () => {
  const numVertices = 50_000;
  const edges = Array.from({ length: numVertices - 2 }, (_, index) => ({
    from: index === 0 ? source : index + 1,
    to: index + 2,
    capacity: index === 30_000 ? 1 : 2,
  }));
  const side = minimumCut(numVertices, [...edges, { from: numVertices - 1, to: sink, capacity: 2 }], source, sink);
  expect(side.reduce((sum, each) => sum + each, 0)).toBe(30_001);
});
