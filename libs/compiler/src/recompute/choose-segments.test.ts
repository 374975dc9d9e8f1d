import { type Node, placeholder, simpleCall } from "@anneal/graph";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { chooseSegments, type ForwardMemory, type Segment } from "./choose-segments.ts";

/** A chain in which each node takes what the one before has made, and the backward pass takes all. */
function chain(bytes: readonly number[]): ForwardMemory {
  const forward: Node[] = [];
  let value = placeholder("x", { dtype: "float32", shape: [8] });
  for (const _ of bytes) {
    value = simpleCall("Tanh", [value]);
    forward.push(value.node);
  }
  return {
    forward,
    buffers: bytes.map((size, made) => ({
      made,
      lastUse: Math.min(made + 1, bytes.length - 1),
      isNeeded: true,
      bytes: size,
    })),
    fused: new Set(),
  };
}

function leaves(segments: readonly Segment[]): readonly number[] {
  return segments.flatMap(({ end, inner }) => (inner.length === 0 ? [end] : leaves(inner)));
}

/** The most that is kept at once, as `chooseSegments` counts it: of each segment what crosses its end, and all that is in one. */
function peakOf(segments: readonly Segment[], bytes: readonly number[], start = 0): number {
  let [kept, peak, from] = [0, 0, start];
  for (const [index, { end, inner }] of segments.entries()) {
    const crosses = index < segments.length - 1 || end < bytes.length ? bytes[end - 1]! : 0;
    const within = bytes.slice(from, end).reduce((sum, size) => sum + size, 0) - crosses;
    peak = Math.max(peak, kept + (inner.length === 0 ? within : peakOf(inner, bytes, from)));
    kept += crosses;
    from = end;
  }
  return peak;
}

describe("segments of a chain of equal layers", () => {
  const layers = Array.from({ length: 24 }, () => 1);

  test.each([
    [1, 24],
    // Going backward what is kept becomes less, so that earlier segments may be larger: 13 and 11 layers.
    [2, 12],
    [4, 8],
    [8, 6],
  ])("%i need memory for so many layers: %i", (numSegments, expected) => {
    expect(peakOf(chooseSegments(chain(layers), numSegments), layers)).toBeLessThanOrEqual(expected);
  });

  test("16 layers are done in pieces of pieces, each layer three times at most", () => {
    const segments = chooseSegments(chain(layers), 16);
    expect(segments.some(({ inner }) => inner.length > 0)).toBe(true);
    expect(segments.flatMap(({ inner }) => inner).every(({ inner }) => inner.length === 0)).toBe(true);
  });
});

test("a border is where little crosses", () => {
  const [first] = chooseSegments(chain([8, 8, 8, 1, 8, 8]), 2);
  expect(first!.end).toBe(4);
});

test("no border is where two nodes may be fused", () => {
  const memory = { ...chain([8, 8, 1, 8, 8, 8]), fused: new Set([3]) };
  expect(leaves(chooseSegments(memory, 6))).not.toContain(3);
});

test("whatever the sizes, segments are the whole pass, no more than asked for, and need no more than one of them", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 1_000 }), { minLength: 2, maxLength: 90 }),
      fc.integer({ min: 1, max: 20 }),
      (bytes, numSegments) => {
        const segments = chooseSegments(chain(bytes), numSegments);
        const ends = leaves(segments);
        expect(ends.at(-1)).toBe(bytes.length);
        expect(ends.length).toBeLessThanOrEqual(numSegments);
        expect(ends.every((end, index) => index === 0 || end > ends[index - 1]!)).toBe(true);
        expect(peakOf(segments, bytes)).toBeLessThanOrEqual(peakOf([{ end: bytes.length, inner: [] }], bytes));
      },
    ),
    { numRuns: 40 },
  );
});
