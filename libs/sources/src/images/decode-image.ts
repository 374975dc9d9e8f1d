import { readFileSync } from "node:fs";
import type { Sharp } from "sharp";

/** What every image of a source becomes. */
export interface ImageSpec {
  readonly height: number;
  readonly width: number;
  /** 1: grey, 3: red, green, blue. Transparency is left out. */
  readonly channels: 1 | 3;
  /**
   * How an image gets the size: `cover` fills it and cuts off what is beyond, around the centre; `contain` shows all of it, with
   * black beside; `fill` stretches it.
   */
  readonly fit: "cover" | "contain" | "fill";
}

/** Part of a source's digest: to be raised when the same files give other pixels. */
export const decoderVersion = 2;

type SharpModule = typeof import("sharp").default;
type DecodePlainJpeg = typeof import("./plain-jpeg.ts").decodePlainJpeg;

let loading: Promise<{ sharp: SharpModule; decodePlainJpeg: DecodePlainJpeg }> | null = null;

/** Native libraries, loaded where images are decoded and nowhere else. */
async function loadDecoders() {
  loading ??= Promise.all([import("sharp"), import("./plain-jpeg.ts")]).then(([{ default: sharp }, plainJpeg]) => {
    // Each image on one thread, so that its bits do not depend on how many there are.
    sharp.concurrency(1);
    sharp.cache(false);
    return { sharp, decodePlainJpeg: plainJpeg.decodePlainJpeg };
  });
  return loading;
}

/**
 * Decodes a JPEG, PNG or WebP image, from its path or its bytes, upright as its orientation tag says, into `target`:
 * uint8[height, width, channels], 0..255 in sRGB. Throws sharp's error for what is no image, or a damaged one.
 */
export type DecodeImage = (source: string | Buffer, spec: ImageSpec, target: Uint8Array) => Promise<void>;

/** Plain JPEG images are decoded by libjpeg-turbo, in a third of the time; all else by sharp, large JPEG images at a fraction of their size. */
export async function imageDecoder(): Promise<DecodeImage> {
  const { sharp, decodePlainJpeg } = await loadDecoders();
  return async (source, spec, target) => {
    const bytes = typeof source === "string" ? readFileSync(source) : source;
    if (!decodePlainJpeg(bytes, spec, target)) await decodeBySharp(sharp, bytes, spec, target);
  };
}

async function decodeBySharp(sharp: SharpModule, bytes: Buffer, spec: ImageSpec, target: Uint8Array): Promise<void> {
  // What cannot be decoded to its end is a bad record; what libraries merely warn of is not.
  const image = sharp(bytes, { failOn: "error", autoOrient: true });
  const pixels = await shaped(image, spec).raw({ depth: "uchar" }).toBuffer();
  if (pixels.length !== target.length) {
    throw new Error(`the image was decoded to ${pixels.length} bytes in place of ${target.length}`);
  }
  target.set(pixels);
}

function shaped(image: Sharp, { height, width, channels, fit }: ImageSpec): Sharp {
  return image
    .resize({ width, height, fit, background: "black" })
    .removeAlpha()
    .toColourspace(channels === 1 ? "b-w" : "srgb");
}
