/**
 * Pixels as one 32-bit number each: red in the lowest byte, then green, blue, and a byte that says nothing. Rows without gaps, from
 * the top. Two channels at a time fit into one product, which makes this two times as fast as a byte at a time.
 */
export interface PackedPixels {
  readonly pixels: Int32Array;
  readonly width: number;
  readonly height: number;
}

/** A part of an axis, and how many pixels are made of it. */
export interface Span {
  /** In pixels, perhaps within one. */
  readonly start: number;
  readonly length: number;
  readonly outputSize: number;
}

/** Red and blue; green alone has the same mask after a shift by 8. */
const oddLanes = 0x00ff00ff;
/** Weights of a pixel's neighbours are in 1/256 and add up to exactly one, so that a lane of 16 bits never overflows. */
const one = 256;
const roundLanes = 0x00800080;

/** As many as a triangle covers that is less than four pixels long. */
const numTaps = 4;

/** Of each pixel of a resampled line the first of its neighbours, and the weights: int32[pixels, numTaps]. */
interface Taps {
  readonly first: Int32Array;
  readonly weights: Int32Array;
}

/** Where the pixels of a resampled image go, as bytes. */
export interface ByteImage {
  readonly bytes: Uint8Array;
  /** Bytes a pixel: 1 is red alone. */
  readonly channels: 1 | 3;
  /** Of the first pixel, and from the start of one row to that of the next. */
  readonly offset: number;
  readonly rowLength: number;
}

/** Rows in the output's number and the input's length: as much memory as a thread ever needed for them. */
let scratch = new Int32Array(0);

/**
 * Resamples a part of an image with a triangle filter as wide as what a pixel stands for (bilinear, antialiased: what torchvision does to
 * PIL's images), after each axis was halved for as long as it is twice too long. Integers alone, so that bits depend on no processor.
 * `image.pixels` is overwritten, and must have room for three rows more.
 */
export function resample(image: PackedPixels, across: Span, down: Span, output: ByteImage): void {
  let { width, height } = image;
  const { pixels } = image;
  let [columns, rows] = [across, down];
  // One rounds up where it is in doubt and the other down, so that images become neither brighter nor darker.
  for (; columns.length >= 2 * columns.outputSize; columns = half(columns)) {
    halveColumns(pixels, width, height);
    width = (width + 1) >> 1;
  }
  for (; rows.length >= 2 * rows.outputSize; rows = half(rows)) {
    halveRows(pixels, width, height);
    height = (height + 1) >> 1;
  }
  const numScratch = rows.outputSize * width + numTaps;
  if (scratch.length < numScratch) scratch = new Int32Array(numScratch);
  resampleRows(pixels, width, tapsOf(height, rows), scratch);
  resampleColumns(scratch, width, rows.outputSize, tapsOf(width, columns), output);
}

function half(span: Span): Span {
  return { ...span, start: span.start / 2, length: span.length / 2 };
}

/** In place: pixel by pixel no later place is written than was read. */
function halveColumns(pixels: Int32Array, width: number, height: number): void {
  const pairs = width >> 1;
  const isOdd = (width & 1) === 1;
  let to = 0;
  for (let y = 0; y < height; y++) {
    let from = y * width;
    for (let x = 0; x < pairs; x++, from += 2) {
      const left = pixels[from]!;
      const right = pixels[from + 1]!;
      pixels[to++] = (left | right) - (((left ^ right) & 0xfefefe) >>> 1);
    }
    if (isOdd) pixels[to++] = pixels[from]!;
  }
}

function halveRows(pixels: Int32Array, width: number, height: number): void {
  const pairs = height >> 1;
  let to = 0;
  for (let y = 0; y < pairs; y++) {
    let from = 2 * y * width;
    for (let x = 0; x < width; x++, from++) {
      const upper = pixels[from]!;
      const lower = pixels[from + width]!;
      pixels[to++] = (upper & lower) + (((upper ^ lower) & 0xfefefe) >>> 1);
    }
  }
  if ((height & 1) === 1) pixels.copyWithin(to, 2 * pairs * width, 2 * pairs * width + width);
}

function tapsOf(size: number, { start, length, outputSize }: Span): Taps {
  const scale = length / outputSize;
  const support = Math.max(1, scale);
  const first = new Int32Array(outputSize);
  const weights = new Int32Array(outputSize * numTaps);
  const exact = new Float64Array(numTaps);
  for (let at = 0; at < outputSize; at++) {
    const centre = start + (at + 0.5) * scale;
    // Near the end the window begins earlier, so that all of it is within the line.
    const low = Math.max(0, Math.min(size - numTaps, Math.ceil(centre - support - 0.5)));
    first[at] = low;
    let sum = 0;
    for (let tap = 0; tap < numTaps; tap++) {
      const isThere = low + tap < size;
      exact[tap] = isThere ? Math.max(0, 1 - Math.abs(low + tap + 0.5 - centre) / support) : 0;
      sum += exact[tap]!;
    }
    // The sums so far are rounded, so that all together are one.
    let soFar = 0;
    let rounded = 0;
    for (let tap = 0; tap < numTaps; tap++) {
      soFar += exact[tap]!;
      const next = Math.round((soFar / sum) * one);
      weights[at * numTaps + tap] = next - rounded;
      rounded = next;
    }
  }
  return { first, weights };
}

function resampleRows(pixels: Int32Array, width: number, { first, weights }: Taps, output: Int32Array): void {
  let to = 0;
  for (let y = 0, at = 0; y < first.length; y++, at += numTaps) {
    const end = (first[y]! + 1) * width;
    for (let from = first[y]! * width; from < end; from++, to++) {
      output[to] = weighted(
        pixels[from]!,
        pixels[from + width]!,
        pixels[from + 2 * width]!,
        pixels[from + 3 * width]!,
        weights[at]!,
        weights[at + 1]!,
        weights[at + 2]!,
        weights[at + 3]!,
      );
    }
  }
}

function resampleColumns(
  pixels: Int32Array,
  width: number,
  height: number,
  { first, weights }: Taps,
  { bytes, channels, offset, rowLength }: ByteImage,
): void {
  const outputWidth = first.length;
  for (let y = 0; y < height; y++) {
    const row = y * width;
    let to = offset + y * rowLength;
    for (let x = 0, at = 0; x < outputWidth; x++, at += numTaps) {
      const from = row + first[x]!;
      const pixel = weighted(
        pixels[from]!,
        pixels[from + 1]!,
        pixels[from + 2]!,
        pixels[from + 3]!,
        weights[at]!,
        weights[at + 1]!,
        weights[at + 2]!,
        weights[at + 3]!,
      );
      bytes[to++] = pixel;
      if (channels === 1) continue;
      bytes[to++] = pixel >>> 8;
      bytes[to++] = pixel >>> 16;
    }
  }
}

/** Four packed pixels by their weights, rounded. Sums are cut to 32 bits one by one: beyond that V8 would go on in doubles. */
function weighted(
  a: number,
  b: number,
  c: number,
  d: number,
  weightA: number,
  weightB: number,
  weightC: number,
  weightD: number,
): number {
  const redBlue =
    (((Math.imul(a & oddLanes, weightA) + Math.imul(b & oddLanes, weightB)) | 0) +
      ((Math.imul(c & oddLanes, weightC) + Math.imul(d & oddLanes, weightD)) | 0)) |
    0;
  const green =
    (((Math.imul((a >>> 8) & 0xff, weightA) + Math.imul((b >>> 8) & 0xff, weightB)) | 0) +
      ((Math.imul((c >>> 8) & 0xff, weightC) + Math.imul((d >>> 8) & 0xff, weightD)) | 0)) |
    0;
  return (((redBlue + roundLanes) >>> 8) & oddLanes) | ((green + 0x80) & 0xff00);
}
