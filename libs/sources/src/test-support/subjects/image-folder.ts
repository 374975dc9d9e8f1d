import { mkdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { imageFolderSource } from "../../images/image-folder.ts";
import type { Subject, Variant } from "../subject.ts";

/** Images of the size that they become, so that lossless ones come out as they went in. */
const [height, width] = [3, 4];

/** By path: what is in the picture. The classes by name are `cat` and `dog`. */
const pictures = { "cat/b.png": 10, "cat/deep/a.webp": 60, "dog/a.png": 110, "dog/c.png": 160 };

function pixels(seed: number): Uint8Array {
  return Uint8Array.from({ length: height * width * 3 }, (_, i) => (seed + i * 3) % 256);
}

async function writePicture(path: string, seed: number): Promise<void> {
  await mkdir(join(path, ".."), { recursive: true });
  const image = sharp(pixels(seed), { raw: { height, width, channels: 3 } });
  await writeFile(path, await (path.endsWith(".webp") ? image.webp({ lossless: true }) : image.png()).toBuffer());
}

async function write(directory: string, variant: Variant) {
  const all = {
    ...pictures,
    ...(variant === "edited" ? { "dog/c.png": 161 } : {}),
    ...(variant === "extended" ? { "ant/z.png": 1, "dog/b.png": 2 } : {}),
  };
  for (const [path, seed] of Object.entries(all)) await writePicture(join(directory, path), seed);
  // With its class given, what is added changes no label.
  return imageFolderSource({ directory, height, width, classNames: ["cat", "dog", "ant"] });
}

export const imageFolder: Subject = {
  name: "imageFolder",
  input: `uint8[${height},${width},3]`,
  label: "int32[]",
  numClasses: 3,
  classNames: ["cat", "dog", "ant"],
  write,
  samples: async () =>
    Object.entries(pictures).map(([path, seed]) => ({
      input: [...pixels(seed)],
      label: [path.startsWith("cat") ? 0 : 1],
    })),
  placeOfSample1: (directory) => join(directory, "cat/deep/a.webp"),
  damages: [
    {
      what: "a directory that is not there",
      damage: (directory) => rm(directory, { recursive: true }),
      code: "DATASET_NOT_FOUND",
      facts: {},
    },
    {
      what: "an image beside the folders",
      damage: async (directory) => writeFile(join(directory, "a.png"), await readFile(join(directory, "dog/a.png"))),
      code: "DATASET_SCHEMA",
      facts: { expected: "a folder for each class" },
    },
    {
      what: "a folder that is no class",
      damage: (directory) => writePicture(join(directory, "emu/a.png"), 3),
      code: "DATASET_SCHEMA",
      facts: { expected: "cat, dog, ant", found: "emu" },
    },
  ],
  badRecord: {
    damage: (directory) => truncate(join(directory, "dog/a.png"), 60),
    place: "dog/a.png",
    shows: "reading",
    left: [0, 1, 3],
  },
  byPosition: false,
};
