import { readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { viewOf } from "../../fields.ts";
import type { SourceDeclaration } from "../../open-source.ts";
import { allocateShared } from "../../shared-memory.ts";
import type { Subject, Variant } from "../subject.ts";

/** An IDX file of unsigned bytes. */
function idxBytes(dimensions: readonly number[], data: readonly number[]): Buffer {
  const header = Buffer.alloc(4 + 4 * dimensions.length);
  header.writeUInt32BE(0x0800 + dimensions.length, 0);
  dimensions.forEach((size, axis) => {
    header.writeUInt32BE(size, 4 + 4 * axis);
  });
  return Buffer.concat([header, Uint8Array.from(data)]);
}

const classes = [2, 0, 1, 1, 2];

/** 2 by 3 pixels for each class. */
function pixelsOf(variant: Variant): number[] {
  const numSamples = variant === "extended" ? 7 : 5;
  const pixels = Array.from({ length: 6 * numSamples }, (_, i) => i);
  if (variant === "edited") pixels[29]! += 1;
  return pixels;
}

const classesOf = (variant: Variant) => (variant === "extended" ? [...classes, 0, 0] : classes);

const pixelSamples = async () =>
  classes.map((label, sample) => ({ input: pixelsOf("plain").slice(6 * sample, 6 * sample + 6), label: [label] }));

export const idx: Subject = {
  name: "idx",
  input: "uint8[2,3,1]",
  label: "int32[]",
  numClasses: 3,
  classNames: null,
  write: async (directory, variant) => {
    const [images, labels] = [join(directory, "images"), join(directory, "labels")];
    const numSamples = classesOf(variant).length;
    await writeFile(images, idxBytes([numSamples, 2, 3], pixelsOf(variant)));
    await writeFile(labels, idxBytes([numSamples], classesOf(variant)));
    return { kind: "idx", images, labels, numClasses: 3 };
  },
  samples: pixelSamples,
  placeOfSample1: (directory) => `${join(directory, "images")}, sample 1`,
  damages: [
    {
      what: "a truncated file",
      damage: (directory) => truncate(join(directory, "images"), 40),
      code: "DATASET_CORRUPT",
      facts: { what: "truncated", expected: "46 bytes", found: "40 bytes" },
    },
    {
      what: "a label that is no class",
      damage: (directory) => writeFile(join(directory, "labels"), idxBytes([5], [2, 0, 3, 1, 2])),
      code: "LABEL_OUT_OF_RANGE",
      facts: { index: 2, label: 3 },
    },
  ],
  byPosition: false,
};

/** The numbers in shared memory, where declarations keep them. */
function shared(numbers: readonly number[], dtype: "uint8" | "float32") {
  const array = viewOf(allocateShared(4 * numbers.length), dtype, 0, numbers.length);
  array.set(numbers);
  return array;
}

export const arrays: Subject = {
  ...idx,
  name: "arrays",
  write: async (_directory, variant) =>
    ({
      kind: "arrays",
      inputs: shared(pixelsOf(variant), "uint8"),
      inputShape: [2, 3, 1],
      labels: shared(classesOf(variant), "float32"),
      labelShape: [],
      numClasses: 3,
    }) satisfies SourceDeclaration,
  placeOfSample1: () => "arrays, sample 1",
  damages: [],
};

export const textWindows: Subject = {
  name: "textWindows",
  input: "int32[3]",
  label: "int32[3]",
  numClasses: 4,
  classNames: null,
  write: async (directory, variant) => {
    const path = join(directory, "text");
    const text = { plain: "ab😀cabc😀a", edited: "ab😀cabb😀a", extended: "ab😀cabc😀acc" };
    await writeFile(path, text[variant]);
    return { kind: "text", path, length: 3 };
  },
  samples: async () => [
    { input: [0, 1, 3], label: [1, 3, 2] },
    { input: [2, 0, 1], label: [0, 1, 2] },
  ],
  placeOfSample1: (directory) => `${join(directory, "text")}, sample 1`,
  damages: [
    {
      what: "what is no UTF-8",
      damage: async (directory) => {
        const path = join(directory, "text");
        await writeFile(path, Buffer.concat([await readFile(path), Uint8Array.of(0xff)]));
      },
      code: "DATASET_CORRUPT",
      facts: { what: "encoding" },
    },
  ],
  byPosition: false,
};
