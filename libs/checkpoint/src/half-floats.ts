/**
 * Conversions between float32 and the two 16-bit formats, over whole arrays. bfloat16 is the upper half of a float32 (8 bits of
 * exponent, 7 of fraction); float16 is IEEE 754's binary16 (5 and 10). Both are given as their bits.
 */
export type HalfFormat = "bfloat16" | "float16";

/**
 * Rounds float32 values to the nearest of the format, ties to the one whose last bit is zero; subnormal values, infinities and
 * signs of zeros included. What is not a number stays so. `target` has as many elements.
 *
 * @returns whether a finite value became an infinity, as float16 has nothing beyond 65504
 */
export function narrowInto(format: HalfFormat, values: Float32Array, target: Uint16Array): boolean {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  return format === "bfloat16" ? toBfloat16(bits, target) : toFloat16(bits, target);
}

/** The float32 values of 16-bit ones, each exactly. `target` has as many elements. */
export function widenInto(format: HalfFormat, values: Uint16Array, target: Float32Array): void {
  const bits = new Uint32Array(target.buffer, target.byteOffset, target.length);
  if (format === "float16") fromFloat16(values, bits, target);
  else for (let i = 0; i < values.length; i += 1) bits[i] = values[i]! << 16;
}

const infinity32 = 0x7f800000;
const largestFinite32 = 0x7f7fffff;
/** Its sum with half a unit of the last place that stays rounds to the next power of two, which is infinity. */
const leastOverflow: Readonly<Record<HalfFormat, number>> = { bfloat16: 0x7f7f8000, float16: 0x477ff000 };

function toBfloat16(bits: Uint32Array, target: Uint16Array): boolean {
  let overflowed = false;
  for (let i = 0; i < bits.length; i += 1) {
    const value = bits[i]!;
    const magnitude = value & 0x7fffffff;
    if (magnitude >= leastOverflow.bfloat16) {
      overflowed ||= magnitude <= largestFinite32;
      // Of a NaN the upper half may be that of an infinity: its quiet bit makes it one again.
      target[i] = magnitude > infinity32 ? (value >>> 16) | 0x40 : ((value >>> 16) & 0x8000) | 0x7f80;
    } else {
      // Half a unit, less the least amount where the last bit that stays is zero: a tie goes up only to an even one.
      target[i] = (value + 0x7fff + ((value >>> 16) & 1)) >>> 16;
    }
  }
  return overflowed;
}

/** Exponent of float16's least normal value, 2^-14, as a float32 has it; and the distance of the two formats' exponents. */
const leastNormal16 = 0x38800000;
const exponentDistance = 0x38000000;

function toFloat16(bits: Uint32Array, target: Uint16Array): boolean {
  const sum = new Float32Array(1);
  const sumBits = new Uint32Array(sum.buffer);
  const magnitudeValue = new Float32Array(1);
  const magnitudeBits = new Uint32Array(magnitudeValue.buffer);
  let overflowed = false;
  for (let i = 0; i < bits.length; i += 1) {
    const value = bits[i]!;
    const sign = (value >>> 16) & 0x8000;
    const magnitude = value & 0x7fffffff;
    if (magnitude >= leastOverflow.float16) {
      overflowed ||= magnitude <= largestFinite32;
      target[i] = sign | (magnitude > infinity32 ? 0x7e00 | ((magnitude >>> 13) & 0x3ff) : 0x7c00);
    } else if (magnitude >= leastNormal16) {
      target[i] = sign | ((magnitude + 0xfff + ((magnitude >>> 13) & 1) - exponentDistance) >>> 13);
    } else {
      // A float32 from 0.5 to 1 has float16's least value as its last place: adding 0.5 rounds to a multiple of it, ties to even.
      magnitudeBits[0] = magnitude;
      sum[0] = magnitudeValue[0]! + 0.5;
      target[i] = sign | (sumBits[0]! - 0x3f000000);
    }
  }
  return overflowed;
}

function fromFloat16(values: Uint16Array, bits: Uint32Array, target: Float32Array): void {
  const scale = 2 ** 112;
  for (let i = 0; i < values.length; i += 1) {
    const value = values[i]!;
    const sign = (value & 0x8000) << 16;
    const magnitude = value & 0x7fff;
    if (magnitude >= 0x7c00) {
      bits[i] = sign | infinity32 | ((magnitude & 0x3ff) << 13);
    } else {
      // The fraction is in its place, the exponent 112 too small: also right where it is that of subnormal values.
      bits[i] = magnitude << 13;
      target[i] = target[i]! * scale;
      bits[i] = bits[i]! | sign;
    }
  }
}
