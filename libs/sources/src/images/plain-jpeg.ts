import jpegTurbo from "@julusian/jpeg-turbo";
import type { ImageSpec } from "./decode-image.ts";
import { plainJpegFrame } from "./jpeg-header.ts";
import { resample, type Span } from "./resample.ts";

/** Beyond, sharp is faster, which decodes at a fraction of the size; and a thread need not keep memory for more. */
const mostPixels = 1_500_000;
/** Rows that the resampling may look at behind the last one, weighted with 0. */
const spareRows = 3;

/** What a thread decodes into: as large as its largest image so far. */
let decoded = Buffer.alloc(0);
let resampled = new Int32Array(0);

/**
 * Decodes a plain JPEG image (`plainJpegFrame`) of up to 1.5 million pixels into `target`: uint8[height, width, channels], 0..255 in sRGB.
 * False for every other one, and for one that libjpeg-turbo finds fault with. Its fast integer transform is off by up to 5 of 255, as
 * TensorFlow's is by default.
 */
export function decodePlainJpeg(bytes: Buffer, spec: ImageSpec, target: Uint8Array): boolean {
  const frame = plainJpegFrame(bytes);
  if (frame === null || frame.width * frame.height > mostPixels) return false;
  // What grey a colour becomes is sharp's to say, for images of every format alike.
  if (spec.channels === 1 && !frame.isGrey) return false;
  const { across, down } = geometry(frame, spec);
  const longestRow = Math.max(frame.width, across.outputSize);
  reserve(longestRow * (frame.height + spareRows), across.outputSize * down.outputSize);
  try {
    jpegTurbo.decompressSync(bytes, decoded, { format: jpegTurbo.FORMAT_RGBX });
  } catch {
    return false;
  }
  const pixels = new Int32Array(decoded.buffer, decoded.byteOffset, decoded.byteLength / 4);
  resample({ pixels, width: frame.width, height: frame.height }, across, down, resampled);
  unpack(spec, across, down, target);
  return true;
}

function reserve(numDecoded: number, numResampled: number): void {
  if (decoded.length < 4 * numDecoded) decoded = Buffer.from(new ArrayBuffer(4 * numDecoded));
  if (resampled.length < numResampled) resampled = new Int32Array(numResampled);
}

/** Along an axis: which part of the image is shown, and where. */
interface Shown extends Span {
  /** Pixels of the output, and how many of them are black before. */
  readonly outputSize: number;
  readonly offset: number;
}

function geometry(size: { width: number; height: number }, { width, height, fit }: ImageSpec) {
  const scales = [size.width / width, size.height / height] as const;
  if (fit === "fill") {
    return { across: shown(size.width, scales[0], width), down: shown(size.height, scales[1], height) };
  }
  const scale = fit === "cover" ? Math.min(...scales) : Math.max(...scales);
  return { across: shown(size.width, scale, width), down: shown(size.height, scale, height) };
}

/** `scale`: pixels of the image that a pixel of the output stands for. */
function shown(size: number, scale: number, outputSize: number): Shown {
  const length = Math.min(size, scale * outputSize);
  const needed = Math.min(outputSize, Math.max(1, Math.round(size / scale)));
  return {
    start: (size - length) / 2,
    length,
    outputSize: needed,
    offset: Math.floor((outputSize - needed) / 2),
  };
}

function unpack({ width, height, channels }: ImageSpec, across: Shown, down: Shown, target: Uint8Array): void {
  if (across.outputSize < width || down.outputSize < height) target.fill(0);
  for (let y = 0, from = 0; y < down.outputSize; y++) {
    let to = ((down.offset + y) * width + across.offset) * channels;
    for (let x = 0; x < across.outputSize; x++, from++) {
      const pixel = resampled[from]!;
      target[to++] = pixel & 0xff;
      if (channels === 1) continue;
      target[to++] = (pixel >>> 8) & 0xff;
      target[to++] = (pixel >>> 16) & 0xff;
    }
  }
}
