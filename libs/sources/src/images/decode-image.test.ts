import sharp from "sharp";
import { expect, test } from "vitest";
import { type ImageSpec, imageDecoder } from "./decode-image.ts";

async function decode(source: Buffer, spec: Partial<ImageSpec>): Promise<number[]> {
  const whole: ImageSpec = { height: 1, width: 2, channels: 3, fit: "fill", ...spec };
  const target = new Uint8Array(whole.height * whole.width * whole.channels);
  const decodeImage = await imageDecoder();
  await decodeImage(source, whole, target);
  return [...target];
}

function raw(pixels: Uint8Array | Uint16Array, channels: 1 | 3 | 4, width: number, height = 1) {
  return sharp(pixels, { raw: { width, height, channels } });
}

test("grey and colour images become either", async () => {
  const grey = await raw(Uint8Array.of(7, 200), 1, 2).png().toBuffer();
  expect(await decode(grey, { channels: 1 })).toEqual([7, 200]);
  expect(await decode(grey, { channels: 3 })).toEqual([7, 7, 7, 200, 200, 200]);
  const colour = await raw(Uint8Array.of(255, 0, 0, 90, 90, 90), 3, 2)
    .png()
    .toBuffer();
  const [red, ninety] = await decode(colour, { channels: 1 });
  expect(ninety).toBe(90);
  expect(red).toBeGreaterThan(50);
  expect(red).toBeLessThan(140);
});

test("transparency is left out, 16 bits become 8, and CMYK becomes RGB", async () => {
  const opaque = await raw(Uint8Array.of(1, 2, 3, 128, 4, 5, 6, 255), 4, 2)
    .png()
    .toBuffer();
  expect(await decode(opaque, {})).toEqual([1, 2, 3, 4, 5, 6]);
  const deep = await raw(Uint16Array.of(0, 0, 0, 0xffff, 0x8080, 0x8080), 3, 2)
    .toColourspace("rgb16")
    .png()
    .toBuffer();
  expect((await sharp(deep).metadata()).depth).toBe("ushort");
  expect(await decode(deep, {})).toEqual([0, 0, 0, 255, 128, 128]);
  const cmyk = await sharp({ create: { width: 16, height: 16, channels: 3, background: "#ff0000" } })
    .toColourspace("cmyk")
    .jpeg()
    .toBuffer();
  const [r, g, b] = await decode(cmyk, { height: 16, width: 16 });
  expect(r).toBeGreaterThan(Math.max(g!, b!) + 150);
});

test("a picture that was taken sideways stands upright", async () => {
  // Orientation 6: turned clockwise by a quarter to be seen; so left becomes top.
  const sideways = await raw(Uint8Array.of(10, 250), 1, 2).withMetadata({ orientation: 6 }).png().toBuffer();
  expect(await decode(sideways, { height: 2, width: 1, channels: 1 })).toEqual([10, 250]);
  const other = await raw(Uint8Array.of(10, 250), 1, 2).withMetadata({ orientation: 8 }).png().toBuffer();
  expect(await decode(other, { height: 2, width: 1, channels: 1 })).toEqual([250, 10]);
});

test("cover cuts off, contain shows all with black beside, fill stretches", async () => {
  // Black, white, white, black: twice as wide as high.
  const columns = [0, 0, 255, 255, 255, 255, 0, 0];
  const image = await raw(Uint8Array.from([...columns, ...columns, ...columns, ...columns]), 1, 8, 4)
    .png()
    .toBuffer();
  const square = (fit: ImageSpec["fit"]) => decode(image, { height: 4, width: 4, channels: 1, fit });
  expect((await square("cover")).every((value) => value > 200)).toBe(true);
  const contained = await square("contain");
  expect([...contained.slice(0, 4), ...contained.slice(12)]).toEqual(new Array(8).fill(0));
  const filled = await square("fill");
  expect([filled[0]! < 60, filled[1]! > 200, filled[3]! < 60]).toEqual([true, true, true]);
});

test("a large JPEG image gives the colours of its parts, the same each time", async () => {
  const image = await sharp({ create: { width: 1600, height: 1600, channels: 3, background: "#204060" } })
    .composite([
      { input: { create: { width: 800, height: 1600, channels: 3, background: "#e0c0a0" } }, left: 800, top: 0 },
    ])
    .jpeg()
    .toBuffer();
  const small = await decode(image, { height: 8, width: 8 });
  expect(await decode(image, { height: 8, width: 8 })).toEqual(small);
  for (const [at, colour] of [
    [0, [0x20, 0x40, 0x60]],
    [7, [0xe0, 0xc0, 0xa0]],
  ] as const) {
    colour.forEach((value, channel) => {
      expect(Math.abs(small[3 * at + channel]! - value)).toBeLessThan(6);
    });
  }
});

test("refuses what is no image, and one that was cut off", async () => {
  await expect(decode(Buffer.from("not an image"), {})).rejects.toThrow("unsupported image format");
  const noise = raw(
    Uint8Array.from({ length: 3 * 64 * 64 }, (_, i) => (i * i * 31) % 251),
    3,
    64,
    64,
  );
  const jpeg = await noise.jpeg().toBuffer();
  await expect(decode(jpeg.subarray(0, jpeg.length >> 1), { height: 64, width: 64 })).rejects.toThrow(/premature end/);
});
