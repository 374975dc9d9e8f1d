import fc from "fast-check";
import sharp from "sharp";
import { expect, test } from "vitest";
import { plainJpegFrame } from "./jpeg-header.ts";

function picture(width = 21, height = 13) {
  return sharp({ create: { width, height, channels: 3, background: "#804020" } });
}

test("baseline, progressive and grey images are plain, with their size", async () => {
  expect(plainJpegFrame(await picture().jpeg().toBuffer())).toEqual({ width: 21, height: 13, isGrey: false });
  expect(plainJpegFrame(await picture().jpeg({ progressive: true }).toBuffer())).toEqual({
    width: 21,
    height: 13,
    isGrey: false,
  });
  const grey = await picture().toColourspace("b-w").jpeg().toBuffer();
  expect(plainJpegFrame(grey)).toEqual({ width: 21, height: 13, isGrey: true });
});

test("an image that is upright by its tag is plain, one that lies is not", async () => {
  const tagged = (orientation: number) => picture().withMetadata({ orientation }).jpeg().toBuffer();
  // sharp writes a profile of sRGB along.
  expect(plainJpegFrame(await tagged(1))).not.toBeNull();
  for (const orientation of [2, 3, 6, 8]) expect(plainJpegFrame(await tagged(orientation))).toBeNull();
});

test("an image in other colours than sRGB's is not plain", async () => {
  expect(plainJpegFrame(await picture().toColourspace("cmyk").jpeg().toBuffer())).toBeNull();
  expect(plainJpegFrame(await picture().withIccProfile("p3").jpeg().toBuffer())).toBeNull();
  expect(plainJpegFrame(await picture().withIccProfile("srgb").jpeg().toBuffer())).not.toBeNull();
});

test("other formats, and a JPEG image cut off before its frame, are none", async () => {
  expect(plainJpegFrame(await picture().png().toBuffer())).toBeNull();
  const jpeg = await picture().withMetadata({ orientation: 1 }).jpeg().toBuffer();
  const frame = jpeg.indexOf(Buffer.of(0xff, 0xc0));
  for (let length = 0; length < frame + 10; length++) expect(plainJpegFrame(jpeg.subarray(0, length))).toBeNull();
});

test("bytes that are changed anywhere in the header never throw", async () => {
  const jpeg = await picture().withMetadata({ orientation: 6 }).jpeg().toBuffer();
  fc.assert(
    fc.property(fc.nat(jpeg.length - 1), fc.nat(255), fc.nat(jpeg.length), (at, value, length) => {
      const changed = Buffer.from(jpeg);
      changed[at] = value;
      plainJpegFrame(changed.subarray(0, length));
    }),
    { numRuns: 2000 },
  );
});
