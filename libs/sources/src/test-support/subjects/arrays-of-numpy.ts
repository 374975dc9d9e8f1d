import { readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { npySource, npzSource } from "../../npy/array-files.ts";
import { npyBytes, zipBytes } from "../npy-writer.ts";
import type { Subject, Variant } from "../subject.ts";

const classes = [2, 0, 1, 1, 2];

function arraysOf(variant: Variant) {
  const labels = variant === "extended" ? [...classes, 0, 1] : classes;
  const inputs = Float32Array.from({ length: 6 * labels.length }, (_, i) => i / 4);
  if (variant === "edited") inputs[17]! += 1;
  return {
    inputs: npyBytes("<f4", [labels.length, 2, 3], new Uint8Array(inputs.buffer)),
    labels: npyBytes("<i8", [labels.length], new Uint8Array(BigInt64Array.from(labels, BigInt).buffer)),
  };
}

const common: Omit<Subject, "name" | "write" | "placeOfSample1" | "damages"> = {
  input: "float32[2,3]",
  label: "int32[]",
  numClasses: 3,
  classNames: null,
  samples: async () =>
    classes.map((label, sample) => ({ input: [0, 1, 2, 3, 4, 5].map((i) => (6 * sample + i) / 4), label: [label] })),
  byPosition: true,
};

export const npy: Subject = {
  ...common,
  name: "npy",
  write: async (directory, variant) => {
    const { inputs, labels } = arraysOf(variant);
    await writeFile(join(directory, "x.npy"), inputs);
    await writeFile(join(directory, "y.npy"), labels);
    return npySource({ inputs: join(directory, "x.npy"), labels: join(directory, "y.npy"), numClasses: 3 });
  },
  placeOfSample1: (directory) => `${join(directory, "x.npy")}, index 1`,
  damages: [
    {
      what: "truncated inputs",
      damage: (directory) => truncate(join(directory, "x.npy"), 200),
      code: "DATASET_CORRUPT",
      facts: { what: "truncated", expected: "248 bytes", found: "200 bytes" },
    },
    {
      what: "truncated labels, which are converted",
      damage: (directory) => truncate(join(directory, "y.npy"), 150),
      code: "DATASET_CORRUPT",
      facts: { what: "truncated", expected: "40 bytes of numbers", found: "22 bytes" },
    },
    {
      what: "fewer labels than inputs",
      damage: (directory) => writeFile(join(directory, "y.npy"), npyBytes("|u1", [4], Uint8Array.of(0, 1, 2, 0))),
      code: "DATASET_CORRUPT",
      facts: { what: "number of labels", found: 4 },
    },
    {
      what: "a label that is no class",
      damage: (directory) => writeFile(join(directory, "y.npy"), npyBytes("|u1", [5], Uint8Array.of(0, 1, 2, 3, 0))),
      code: "LABEL_OUT_OF_RANGE",
      facts: { index: 3, label: 3 },
    },
    {
      what: "an order of memory that is not C's",
      damage: (directory) => writeFile(join(directory, "x.npy"), npyBytes("|u1", [5, 2], new Uint8Array(10), true)),
      code: "DATASET_CORRUPT",
      facts: { what: "order in memory", found: "Fortran" },
    },
    {
      what: "what is no array",
      damage: (directory) => writeFile(join(directory, "x.npy"), "no array at all"),
      code: "DATASET_CORRUPT",
      facts: { what: "beginning" },
    },
  ],
};

function npz(compressed: boolean): Subject {
  return {
    ...common,
    name: compressed ? "npz, deflated" : "npz, stored",
    write: async (directory, variant) => {
      const { inputs, labels } = arraysOf(variant);
      await writeFile(join(directory, "both.npz"), zipBytes({ "x.npy": inputs, "y.npy": labels }, compressed));
      return npzSource({ file: join(directory, "both.npz"), inputs: "x", labels: "y", numClasses: 3 });
    },
    placeOfSample1: (directory) => `${join(directory, "both.npz")} (x), index 1`,
    damages: [
      {
        what: "a truncated archive",
        damage: (directory) => truncate(join(directory, "both.npz"), 300),
        code: "DATASET_CORRUPT",
        facts: { expected: "a whole ZIP archive" },
      },
      {
        what: "an archive without one of the arrays",
        damage: (directory) =>
          writeFile(join(directory, "both.npz"), zipBytes({ "x.npy": Buffer.alloc(1) }, compressed)),
        code: "DATASET_CORRUPT",
        facts: {},
      },
      {
        what: "an archive in which bytes changed",
        damage: async (directory) => {
          const path = join(directory, "both.npz");
          const bytes = await readFile(path);
          bytes[120]! ^= 1;
          await writeFile(path, bytes);
        },
        code: "DATASET_CORRUPT",
        facts: {},
      },
    ],
  };
}

export const npzStored = npz(false);
export const npzDeflated = npz(true);
