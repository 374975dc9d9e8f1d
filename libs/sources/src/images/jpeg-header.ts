/** What a JPEG image's frame says of it. */
export interface JpegFrame {
  readonly width: number;
  readonly height: number;
  readonly isGrey: boolean;
}

const startOfImage = 0xffd8;
const app1 = 0xe1;
const app2 = 0xe2;
const startOfScan = 0xda;
/** Baseline, extended sequential and progressive, with Huffman codes. */
const plainFrames: ReadonlySet<number> = new Set([0xc0, 0xc1, 0xc2]);
/** Other frames: lossless, arithmetic, hierarchical. C4, C8 and CC are no frames. */
const otherFrames: ReadonlySet<number> = new Set([0xc3, 0xc5, 0xc6, 0xc7, 0xc9, 0xca, 0xcb, 0xcd, 0xce, 0xcf]);
const orientationTag = 0x0112;
const upright = 1;

/**
 * The frame of a JPEG image whose pixels are to be shown as they are stored: 8 bits, grey or three colours, upright, in sRGB. Null for
 * every other image, and for what is damaged or no JPEG image at all.
 */
export function plainJpegFrame(bytes: Buffer): JpegFrame | null {
  if (bytes.length < 4 || bytes.readUInt16BE(0) !== startOfImage) return null;
  for (let at = 2; at + 4 <= bytes.length; ) {
    if (bytes[at] !== 0xff) return null;
    const marker = bytes[at + 1]!;
    const length = bytes.readUInt16BE(at + 2);
    const segment = bytes.subarray(at + 4, at + 2 + length);
    if (segment.length !== length - 2) return null;
    if (plainFrames.has(marker)) return frameOf(segment);
    if (otherFrames.has(marker) || marker === startOfScan) return null;
    if (marker === app1 && isExif(segment) && orientationOf(segment.subarray(6)) !== upright) return null;
    if (marker === app2 && isProfile(segment) && !isOfSrgb(segment)) return null;
    at += 2 + length;
  }
  return null;
}

/** Precision, height, width, number of components. */
function frameOf(frame: Buffer): JpegFrame | null {
  if (frame.length < 6) return null;
  const [precision, components] = [frame[0]!, frame[5]!];
  const [height, width] = [frame.readUInt16BE(1), frame.readUInt16BE(3)];
  const isPlain = precision === 8 && (components === 1 || components === 3) && width > 0 && height > 0;
  return isPlain ? { width, height, isGrey: components === 1 } : null;
}

function isExif(segment: Buffer): boolean {
  return segment.toString("latin1", 0, 6) === "Exif\0\0";
}

/** The orientation that Exif's first directory (TIFF 6.0) tells; upright when it tells none; null where it cannot be read. */
function orientationOf(tiff: Buffer): number | null {
  const order = tiff.toString("latin1", 0, 2);
  if (tiff.length < 8 || (order !== "II" && order !== "MM")) return null;
  const isLittle = order === "II";
  const uint16 = (at: number) => (isLittle ? tiff.readUInt16LE(at) : tiff.readUInt16BE(at));
  const directory = isLittle ? tiff.readUInt32LE(4) : tiff.readUInt32BE(4);
  if (directory + 2 > tiff.length) return null;
  const numEntries = uint16(directory);
  if (directory + 2 + 12 * numEntries > tiff.length) return null;
  for (let entry = 0; entry < numEntries; entry++) {
    const at = directory + 2 + 12 * entry;
    if (uint16(at) === orientationTag) return uint16(at + 8);
  }
  return upright;
}

function isProfile(segment: Buffer): boolean {
  return segment.toString("latin1", 0, 12) === "ICC_PROFILE\0";
}

/** By its description, which is ASCII in the second version of the format and UTF-16 in the fourth. */
function isOfSrgb(profile: Buffer): boolean {
  return profile.includes("sRGB", 0, "latin1") || profile.includes("\0s\0R\0G\0B", 0, "latin1");
}
