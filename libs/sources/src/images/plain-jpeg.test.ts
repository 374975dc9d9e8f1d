import sharp from "sharp";
import { expect, test } from "vitest";
import type { ImageSpec } from "./decode-image.ts";
import { decodePlainJpeg } from "./plain-jpeg.ts";

/** Two colours that blend into each other, and three waves of the third. */
function photograph(width: number, height: number) {
  const pixels = new Uint8Array(width * height * 3);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      pixels[at++] = (255 * x) / width;
      pixels[at++] = (255 * y) / height;
      pixels[at++] = 125 + 65 * Math.sin((6 * Math.PI * x) / width);
    }
  }
  return sharp(pixels, { raw: { width, height, channels: 3 } }).jpeg({ quality: 95, chromaSubsampling: "4:4:4" });
}

function meanDifference(a: Uint8Array, b: Uint8Array): number {
  return a.reduce((sum, value, i) => sum + Math.abs(value - b[i]!), 0) / a.length;
}

test.each([
  ["larger", 320, 240, 144, 144],
  ["much larger", 1000, 701, 37, 64],
  ["smaller", 50, 31, 96, 120],
  ["higher than wide", 90, 400, 100, 40],
  ["one pixel", 1, 1, 3, 2],
  ["a strip", 200, 6, 50, 3],
])("looks as by sharp in every fit: %s", async (_, width, height, newWidth, newHeight) => {
  const jpeg = await photograph(width, height).toBuffer();
  for (const fit of ["fill", "cover", "contain"] as const) {
    const spec: ImageSpec = { height: newHeight, width: newWidth, channels: 3, fit };
    const target = new Uint8Array(newHeight * newWidth * 3).fill(99);
    expect(decodePlainJpeg(jpeg, spec, target)).toBe(true);
    const bySharp = await sharp(jpeg)
      .resize({ height: newHeight, width: newWidth, fit, background: "black", kernel: "linear" })
      .raw()
      .toBuffer();
    expect(meanDifference(target, bySharp), fit).toBeLessThan(6);
  }
});

test("grey images become either; colour is left to sharp where grey is asked for", async () => {
  const grey = await photograph(64, 48).toColourspace("b-w").jpeg().toBuffer();
  const [one, three] = [new Uint8Array(12 * 16), new Uint8Array(12 * 16 * 3)];
  expect(decodePlainJpeg(grey, { height: 12, width: 16, channels: 1, fit: "fill" }, one)).toBe(true);
  expect(decodePlainJpeg(grey, { height: 12, width: 16, channels: 3, fit: "fill" }, three)).toBe(true);
  expect([...three]).toEqual([...one].flatMap((value) => [value, value, value]));
  const colour = await photograph(64, 48).toBuffer();
  expect(decodePlainJpeg(colour, { height: 12, width: 16, channels: 1, fit: "fill" }, one)).toBe(false);
});

test("what is too large, damaged or no plain JPEG image is left to sharp", async () => {
  const spec: ImageSpec = { height: 8, width: 8, channels: 3, fit: "fill" };
  const target = new Uint8Array(8 * 8 * 3);
  const jpeg = await photograph(320, 240).toBuffer();
  expect(decodePlainJpeg(jpeg.subarray(0, jpeg.length >> 1), spec, target)).toBe(false);
  expect(decodePlainJpeg(Buffer.from("not an image"), spec, target)).toBe(false);
  expect(decodePlainJpeg(await photograph(1500, 1001).toBuffer(), spec, target)).toBe(false);
  expect(decodePlainJpeg(jpeg, spec, target)).toBe(true);
});

test("a small image after a large one, and bytes in shared memory, decode to the same", async () => {
  const spec: ImageSpec = { height: 20, width: 30, channels: 3, fit: "cover" };
  const decode = (bytes: Buffer) => {
    const target = new Uint8Array(20 * 30 * 3);
    expect(decodePlainJpeg(bytes, spec, target)).toBe(true);
    return [...target];
  };
  const [small, large] = [await photograph(40, 30).toBuffer(), await photograph(900, 700).toBuffer()];
  const first = decode(small);
  decode(large);
  expect(decode(small)).toEqual(first);
  const shared = new Uint8Array(new SharedArrayBuffer(small.length + 5), 5);
  shared.set(small);
  expect(decode(Buffer.from(shared.buffer, shared.byteOffset, shared.byteLength))).toEqual(first);
});
