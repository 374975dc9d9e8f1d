import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { type HalfFormat, narrowInto, widenInto } from "./half-floats.ts";

/** The formats by their definition, in float64. */
const definitions = {
  bfloat16: { numExponentBits: 8, numFractionBits: 7 },
  float16: { numExponentBits: 5, numFractionBits: 10 },
} as const;
const formats = Object.keys(definitions) as HalfFormat[];

/** The value of 16 bits, by the definition of IEEE 754. */
function valueOfBits(format: HalfFormat, bits: number): number {
  const { numExponentBits, numFractionBits } = definitions[format];
  const sign = bits >>> 15 === 1 ? -1 : 1;
  const exponent = (bits >>> numFractionBits) & ((1 << numExponentBits) - 1);
  const fraction = (bits & ((1 << numFractionBits) - 1)) / 2 ** numFractionBits;
  const bias = 2 ** (numExponentBits - 1) - 1;
  if (exponent === 2 * bias + 1) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** (1 - bias) : (1 + fraction) * 2 ** (exponent - bias));
}

/** The bits of the nearest value, ties to even bits: by search among all values that are not negative. */
function nearest(format: HalfFormat, value: number): number {
  const { numExponentBits, numFractionBits } = definitions[format];
  const infinity = ((1 << numExponentBits) - 1) << numFractionBits;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  // What follows the largest value, were there one more: whoever is nearer to it is rounded to infinity.
  const at = (bits: number) =>
    bits < infinity
      ? valueOfBits(format, bits)
      : 2 * valueOfBits(format, infinity - 1) - valueOfBits(format, infinity - 2);
  let [low, high] = [0, infinity];
  if (magnitude >= at(infinity)) return sign | infinity;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if (at(middle) <= magnitude) low = middle;
    else high = middle;
  }
  const [below, above] = [magnitude - at(low), at(high) - magnitude];
  return sign | (below < above || (below === above && low % 2 === 0) ? low : high);
}

function narrow(format: HalfFormat, values: Float32Array) {
  const target = new Uint16Array(values.length);
  return { target, overflowed: narrowInto(format, values, target) };
}

function widen(format: HalfFormat, bits: Uint16Array): Float32Array {
  const target = new Float32Array(bits.length);
  widenInto(format, bits, target);
  return target;
}

const allBits = Uint16Array.from({ length: 1 << 16 }, (_, bits) => bits);
const float32Bits = fc
  .integer({ min: 0, max: 0xffffffff })
  .map((bits) => new Float32Array(Uint32Array.of(bits).buffer));

describe.each(formats)("%s", (format) => {
  test("widens all 65,536 values exactly, and narrows them to themselves", () => {
    const widened = widen(format, allBits);
    const { target, overflowed } = narrow(format, widened);
    expect(overflowed).toBe(false);
    const wrong = Array.from(allBits).filter((bits) => {
      const expected = valueOfBits(format, bits);
      if (Number.isNaN(expected))
        return !Number.isNaN(widened[bits]) || !Number.isNaN(valueOfBits(format, target[bits]!));
      return !Object.is(widened[bits], expected) || target[bits] !== bits;
    });
    expect(wrong).toEqual([]);
  });

  it("rounds to the nearest, ties to even, and says when a finite value became infinite", () => {
    // Any bits; and the neighbourhood of every tie, where rounding is decided.
    const aroundTies = fc.record({ at: fc.nat({ max: 0x7f7e }), offset: fc.integer({ min: -2, max: 2 }) });
    const tie = aroundTies.map(({ at, offset }) => {
      const middle = Float32Array.of((valueOfBits(format, at) + valueOfBits(format, at + 1)) / 2);
      const bits = new Uint32Array(middle.buffer);
      bits[0] = Math.max(0, bits[0]! + offset);
      return middle;
    });
    fc.assert(
      fc.property(fc.array(fc.oneof(float32Bits, tie), { minLength: 1 }), (samples) => {
        const values = Float32Array.from(samples, ([value]) => value!);
        const { target, overflowed } = narrow(format, values);
        values.forEach((value, index) => {
          if (Number.isNaN(value)) expect(valueOfBits(format, target[index]!)).toBeNaN();
          else expect(target[index]).toBe(nearest(format, value));
        });
        const becameInfinite = (value: number, index: number) =>
          Number.isFinite(value) && !Number.isFinite(valueOfBits(format, target[index]!));
        expect(overflowed).toBe(Array.from(values).some(becameInfinite));
      }),
      { numRuns: 300 },
    );
  });

  it("knows the border of its range", () => {
    const largest = valueOfBits(format, format === "bfloat16" ? 0x7f7f : 0x7bff);
    const border = format === "bfloat16" ? 2 ** 128 - 2 ** 119 : 65_520;
    const justBelow = new Float32Array(
      Uint32Array.of(new Uint32Array(Float32Array.of(border).buffer)[0]! - 1).buffer,
    )[0]!;
    const { target, overflowed } = narrow(format, Float32Array.of(largest, justBelow, -justBelow));
    expect(Array.from(widen(format, target))).toEqual([largest, largest, -largest]);
    expect(overflowed).toBe(false);
    const beyond = narrow(format, Float32Array.of(0, border, -border));
    expect(Array.from(widen(format, beyond.target))).toEqual([0, Infinity, -Infinity]);
    expect(beyond.overflowed).toBe(true);
    expect(narrow(format, Float32Array.of(Infinity, Number.NaN)).overflowed).toBe(false);
  });
});
