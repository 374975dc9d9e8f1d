import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { RandomStream } from "@anneal/sources";
import sharp from "sharp";
import { generated } from "./cached.ts";

const seed = 20_261_124;
const numClasses = 10;
/** Encoded at the same time: enough to keep all cores busy, few enough to keep in memory. */
const numAtOnce = 16;

/**
 * JPEG files of about 320x240 pixels, a folder for each of ten classes: waves whose direction and length tell the class, over a sweep of
 * two colours, with some discs and a little noise as a camera has it. Quality 90, some 25 KB each, as photographs of this size have.
 */
export function pictureFolder(numPictures: number): Promise<string> {
  return generated(`pictures-1-${numPictures}`, async (directory) => {
    for (let label = 0; label < numClasses; label += 1) await mkdir(join(directory, className(label)));
    for (let from = 0; from < numPictures; from += numAtOnce) {
      const count = Math.min(numAtOnce, numPictures - from);
      await Promise.all(Array.from({ length: count }, (_, k) => writePicture(directory, from + k)));
    }
  });
}

function className(label: number): string {
  return `class${label}`;
}

async function writePicture(directory: string, index: number): Promise<void> {
  const label = index % numClasses;
  const { pixels, width, height } = paint(index, label);
  const path = join(directory, className(label), `${String(index).padStart(5, "0")}.jpg`);
  await sharp(pixels, { raw: { width, height, channels: 3 } })
    .jpeg({ quality: 90 })
    .toFile(path);
}

function paint(index: number, label: number) {
  const random = new RandomStream("sample", seed, 0, index);
  const width = random.integerBetween(300, 340);
  const height = random.integerBetween(225, 255);
  const colour = () => [random.between(30, 220), random.between(30, 220), random.between(30, 220)] as const;
  const [from, to, ofDiscs] = [colour(), colour(), colour()];
  const direction = (Math.PI * label) / numClasses + random.between(-0.1, 0.1);
  const waveLength = random.between(14, 18) + 3 * label;
  const [alongX, alongY] = [Math.cos(direction), Math.sin(direction)].map((part) => (2 * Math.PI * part) / waveLength);
  const discs = Array.from({ length: 4 }, () => ({
    x: random.between(0, width),
    y: random.between(0, height),
    radius: random.between(12, 45),
  }));
  const pixels = new Uint8ClampedArray(width * height * 3);
  for (let y = 0, at = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const wave = 28 * Math.sin(alongX! * x + alongY! * y);
      const isDisc = discs.some((disc) => (x - disc.x) ** 2 + (y - disc.y) ** 2 < disc.radius ** 2);
      const share = x / width;
      const noise = (random.uint32() & 15) - 7.5;
      for (let channel = 0; channel < 3; channel += 1, at += 1) {
        const ground = from[channel]! + share * (to[channel]! - from[channel]!);
        pixels[at] = (isDisc ? ofDiscs[channel]! : ground) + wave + noise;
      }
    }
  }
  return { pixels, width, height };
}
