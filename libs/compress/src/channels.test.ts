import fc from "fast-check";
import { expect, test } from "vitest";
import { channelLayout, channelScales, quantizeBias, quantizeChannels, scalesForBias } from "./channels.ts";

const tensors = fc
  .record({
    shape: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 }),
    seed: fc.infiniteStream(fc.float({ min: -100, max: 100, noNaN: true })),
    axis: fc.nat({ max: 3 }),
  })
  .map(({ shape, seed, axis }) => ({
    shape,
    axis: axis % shape.length,
    values: Float32Array.from(seed.take(shape.reduce((product, size) => product * size, 1))),
  }));

/** The index along an axis of the value at a place, by counting. */
function indexAlong(shape: readonly number[], axis: number, place: number): number {
  let rest = place;
  for (let last = shape.length - 1; last > axis; last--) rest = Math.floor(rest / shape[last]!);
  return rest % shape[axis]!;
}

test("each weight comes back within half a step of its own channel", () => {
  fc.assert(
    fc.property(tensors, ({ shape, axis, values }) => {
      const layout = channelLayout(shape, axis);
      const scales = channelScales(values, layout);
      const whole = quantizeChannels(values, scales, layout);
      expect(scales).toHaveLength(shape[axis]!);
      values.forEach((value, place) => {
        const scale = scales[indexAlong(shape, axis, place)]!;
        expect(Math.abs(whole[place]! * scale - value)).toBeLessThanOrEqual(scale * 0.5001);
      });
      expect(Math.min(0, ...whole)).toBeGreaterThan(-128);
    }),
  );
});

test("a channel of zeros stays one", () => {
  const layout = channelLayout([2, 2], 0);
  const values = Float32Array.of(0, 0, 3, -4);
  expect([...quantizeChannels(values, channelScales(values, layout), layout)]).toEqual([0, 0, 95, -127]);
});

test("a bias fits 32 bits, also beside weights that are next to nothing", () => {
  const bias = Float32Array.of(1000, -2);
  const inputScale = 0.01;
  const scales = scalesForBias(Float32Array.of(1e-12, 0.1), bias, inputScale);
  const whole = quantizeBias(
    bias,
    scales.map((scale) => scale * inputScale),
  );
  expect(whole[0]! * scales[0]! * inputScale).toBeCloseTo(1000, 1);
  expect(whole[1]).toBe(-2000);
});
