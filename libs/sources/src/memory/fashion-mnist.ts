import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { datasetCorrupt, datasetNotFound } from "../errors.ts";
import { allocateShared } from "../shared-memory.ts";
import { memorySource } from "./memory-source.ts";

/** The images of the package `fashion-mnist`. */
export interface FashionMnistDeclaration {
  readonly kind: "fashionMnist";
  /** Absolute path of the folder that holds a file `<class>.json` for each class. */
  readonly directory: string;
}

const numClasses = 10;
const numImagesPerClass = 7_000;
const imageLength = 28 * 28;

/** Throws `DATASET_NOT_FOUND`, `DATASET_CORRUPT`. */
export async function openFashionMnist({ directory }: FashionMnistDeclaration) {
  const { images, classes } = await readFashionMnist(directory);
  return memorySource({
    numSamples: classes.length,
    numClasses,
    inputs: images,
    labels: classes,
    inputField: { shape: [28, 28, 1], dtype: "uint8" },
    labelField: { shape: [], dtype: "int32" },
    place: directory,
  });
}

/**
 * Reads the images of the package `fashion-mnist`: a file `<class>.json` for each class, `{"data": [[pixel, …], …]}`. They are 155 MB
 * of digits, which are read as such, in a second: as JSON they would take several times the memory. Sample `i` is of class
 * `i % 10`. Throws `DATASET_NOT_FOUND`; `DATASET_CORRUPT` for another number of pixels or one beyond 255.
 */
async function readFashionMnist(directory: string) {
  const numImages = numClasses * numImagesPerClass;
  const images = new Uint8Array(allocateShared(numImages * imageLength), 0, numImages * imageLength);
  const classes = new Int32Array(allocateShared(4 * numImages), 0, numImages);
  for (let label = 0; label < numClasses; label += 1) {
    const path = join(directory, `${label}.json`);
    const text = await readFile(path).catch((cause) => {
      throw datasetNotFound(path, cause);
    });
    readNumbers(path, text, (pixels, image) => {
      images.set(pixels, (image * numClasses + label) * imageLength);
    });
    for (let image = 0; image < numImagesPerClass; image += 1) classes[image * numClasses + label] = label;
  }
  return { images, classes };
}

const [zero, nine] = [0x30, 0x39];

/** Gives the numbers in a text, image by image; whatever stands between digits separates them. */
function readNumbers(path: string, text: Buffer, onImage: (pixels: Uint8Array, image: number) => void): void {
  const pixels = new Uint8Array(imageLength);
  let numImages = 0;
  let numPixels = 0;
  let value = -1;
  // One byte beyond the last: a number ends where something else begins.
  for (let at = 0; at <= text.length; at += 1) {
    const byte = text[at] ?? 0;
    if (byte >= zero && byte <= nine) {
      value = (value < 0 ? 0 : value * 10) + byte - zero;
    } else if (value >= 0) {
      if (value > 255) throw datasetCorrupt(path, `pixel of image ${numImages}`, "0 to 255", value);
      pixels[numPixels] = value;
      numPixels += 1;
      value = -1;
      if (numPixels < imageLength) continue;
      if (numImages < numImagesPerClass) onImage(pixels, numImages);
      numImages += 1;
      numPixels = 0;
    }
  }
  if (numImages === numImagesPerClass && numPixels === 0) return;
  const expected = numImagesPerClass * imageLength;
  throw datasetCorrupt(path, "number of pixels", expected, numImages * imageLength + numPixels);
}
