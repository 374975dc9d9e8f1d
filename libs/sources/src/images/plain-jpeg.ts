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
  const numBytes = 4 * frame.width * (frame.height + spareRows);
  if (decoded.length < numBytes) decoded = Buffer.from(new ArrayBuffer(numBytes));
  try {
    jpegTurbo.decompressSync(bytes, decoded, { format: jpegTurbo.FORMAT_RGBX });
  } catch {
    return false;
  }
  const pixels = new Int32Array(decoded.buffer, decoded.byteOffset, decoded.byteLength / 4);
  if (across.outputSize < spec.width || down.outputSize < spec.height) target.fill(0);
  const rowLength = spec.width * spec.channels;
  const offset = down.offset * rowLength + across.offset * spec.channels;
  const { width, height } = frame;
  resample({ pixels, width, height }, across, down, { bytes: target, channels: spec.channels, offset, rowLength });
  return true;
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
