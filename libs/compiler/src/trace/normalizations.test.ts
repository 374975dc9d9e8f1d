import type { Tensor } from "@tensorflow/tfjs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { preservingPasses } from "../passes/pipeline.ts";
import { largestDifference, opsOf, runGraph, testTensorflow, traceFunction } from "../test-support/run-graph.ts";
import { type TracedLayer, traceLayer } from "../test-support/trace-layer.ts";

const tensorflow = testTensorflow();
const { tf } = tensorflow;
const tolerance = 2e-5;

function expectSameNumbers({ graph, inputs, eager }: TracedLayer): void {
  for (const passes of [[], preservingPasses]) {
    const compiled = runGraph(tensorflow, graph, inputs, passes);
    for (const [name, values] of Object.entries(eager)) {
      expect(largestDifference(compiled[name]!, values), `${name} after ${passes.length} passes`).toBeLessThan(
        tolerance,
      );
    }
  }
}

function count(graph: TracedLayer["graph"], op: string): number {
  return opsOf(graph).filter((each) => each === op).length;
}

/** Without scale or offset tfjs cannot differentiate it. */
function batchNorm(x: Tensor, mean: Tensor, variance: Tensor): Tensor {
  const [scale, offset] = [tf.fill(mean.shape, 1.5), tf.fill(mean.shape, 0.5)];
  return tf.batchNorm(x as never, mean as never, variance as never, offset as never, scale as never);
}

const size = fc.integer({ min: 1, max: 5 });
const channels = fc.integer({ min: 1, max: 9 });

describe("batch normalisation", () => {
  test("is one op, and its gradient another", () => {
    const traced = traceLayer(tf, tf.layers.batchNormalization({}), [3, 4, 4, 5]);
    const ops = new Set(opsOf(traced.graph));
    expect([count(traced.graph, "FusedBatchNormV3"), count(traced.graph, "FusedBatchNormGradV3")]).toEqual([1, 1]);
    expect(ops.intersection(new Set(["Mean", "Square", "Rsqrt", "Tile", "Sum"]))).toEqual(new Set());
    expect(Object.keys(traced.eager)).toEqual([
      "y",
      "gradient/gamma",
      "gradient/beta",
      "gradient/x",
      "moving_mean",
      "moving_variance",
    ]);
  });

  test("gives the same numbers in every rank, moving averages included", () => {
    const shape = fc.oneof(
      fc.tuple(size, channels),
      fc.tuple(size, size, channels),
      fc.tuple(size, size, size, channels),
    );
    const epsilon = fc.constantFrom(1e-3, 1e-1);
    fc.assert(
      fc.property(shape, epsilon, fc.nat(1000), (sizes, each, seed) => {
        // One value for a channel has no variance, and gradients that are rounding alone.
        fc.pre(sizes.slice(0, -1).reduce((a, b) => a * b, 1) > 1);
        const layer = tf.layers.batchNormalization({ epsilon: each, momentum: 0.7 });
        const traced = traceLayer(tf, layer, sizes, seed);
        expect(count(traced.graph, "FusedBatchNormGradV3")).toBe(1);
        expectSameNumbers(traced);
      }),
      { seed: 1, numRuns: 12 },
    );
  });

  test("takes the variance of a single value per channel as nothing", () => {
    expectSameNumbers(traceLayer(tf, tf.layers.batchNormalization({}), [1, 1, 1, 3]));
  });

  test("adds to what else is made of the input and its mean", () => {
    const x = {
      type: { dtype: "float32", shape: [6, 2, 2, 3] },
      values: Float32Array.from({ length: 72 }, Math.sin),
    } as const;
    const f = (t: Tensor) => {
      const { mean, variance } = tf.moments(t, [0, 1, 2]);
      const normalized = batchNorm(t, mean, variance);
      return normalized.square().mul(t).sum().add(mean.mul(3).sum()).add(variance.square().sum()) as never;
    };
    const graph = traceFunction(tf, { x }, (t) => ({ y: f(t.x!), dx: tf.grad(f)(t.x!) }));
    expect(opsOf(graph)).toContain("FusedBatchNormGradV3");
    const t = tf.tensor(x.values, [6, 2, 2, 3]);
    const eager = { y: (f(t) as Tensor).dataSync(), dx: tf.grad(f)(t).dataSync() };
    expectSameNumbers({ graph, inputs: { x }, eager: eager as unknown as TracedLayer["eager"] });
  });

  test("outside of training takes the averages that it is given", () => {
    const layer = tf.layers.batchNormalization({});
    const x = {
      type: { dtype: "float32", shape: [2, 2, 2, 3] },
      values: Float32Array.from({ length: 24 }, Math.sin),
    } as const;
    const f = (t: Tensor) => layer.apply(t, { training: false }) as Tensor;
    const eager = { y: f(tf.tensor(x.values, [2, 2, 2, 3])).dataSync() as Float32Array };
    const graph = traceFunction(tf, { x }, (t) => ({ y: f(t.x!) }));
    const node = graph.nodes.find(({ op }) => op === "FusedBatchNormV3");
    expect(node?.attributes.is_training?.value).toBe(false);
    expectSameNumbers({ graph, inputs: { x }, eager });
  });
});

describe("a mean and variance that are not the batch's keep tfjs's gradient", () => {
  const shape = [4, 3, 2, 2] as const;
  const x = { type: { dtype: "float32", shape }, values: Float32Array.from({ length: 48 }, Math.sin) } as const;
  test.each([
    ["of another tensor", (t: Tensor) => tf.moments(t.mul(t), [0, 1, 2])],
    ["of a part of the batch", (t: Tensor) => tf.moments(t.slice([0, 0, 0, 0], [2, 3, 2, 2]), [0, 1, 2])],
    [
      "a variance around something else than the mean",
      (t: Tensor) => ({ mean: t.mean([0, 1, 2]), variance: t.sub(0.25).square().mean([0, 1, 2]) }),
    ],
    [
      "folded over other axes",
      (t: Tensor) => ({ mean: t.mean([0, 1, 3]), variance: tf.moments(t, [0, 1, 3]).variance }),
    ],
  ])("%s", (_name, moments) => {
    const f = (t: Tensor) => {
      const { mean, variance } = moments(t);
      return batchNorm(t, mean, variance).square().mul(t).sum() as never;
    };
    const graph = traceFunction(tf, { x }, (t) => ({ dx: tf.grad(f)(t.x!) }));
    expect(opsOf(graph)).not.toContain("FusedBatchNormGradV3");
    const eager = {
      dx: tf
        .grad(f)(tf.tensor(x.values, [...shape]))
        .dataSync() as Float32Array,
    };
    expectSameNumbers({ graph, inputs: { x }, eager });
  });
});

describe("layer normalisation", () => {
  test("repeats nothing, and has its gradient in a dozen ops", () => {
    const { graph } = traceLayer(tf, tf.layers.layerNormalization({}), [4, 3, 6]);
    const ops = new Set(opsOf(graph));
    expect(ops.has("Slice")).toBe(false);
    expect(graph.nodes.filter(({ op }) => op !== "Const").length).toBeLessThan(60);
  });

  test("gives the same numbers, gradients included", () => {
    const shape = fc.oneof(
      fc.tuple(size, channels),
      fc.tuple(size, size, channels),
      fc.tuple(size, size, size, channels),
    );
    fc.assert(
      fc.property(shape, fc.constantFrom(1e-3, 1e-1), fc.nat(1000), (sizes, epsilon, seed) => {
        expectSameNumbers(traceLayer(tf, tf.layers.layerNormalization({ epsilon }), sizes, seed));
      }),
      { seed: 1, numRuns: 12 },
    );
  });

  test.each([[[1, 2]], [[1]], [[2, 1]]])("over the axes %s", (axis) => {
    expectSameNumbers(traceLayer(tf, tf.layers.layerNormalization({ axis }), [3, 4, 5]));
  });
});
