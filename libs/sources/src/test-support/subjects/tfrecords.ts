import { readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { type TfRecordOptions, tfrecordSource } from "../../tfrecord/declaration.ts";
import type { Sample, Subject, Variant } from "../subject.ts";
import { exampleBytes, tfrecordBytes } from "../tfrecord-writer.ts";

const [height, width] = [2, 3];

/** What the records of each file are made of. */
const files: Readonly<Record<string, readonly number[]>> = { "a.tfrecord": [10, 20], "b.tfrecord": [30] };
const seeds = Object.values(files).flat();

const pixels = (seed: number) => Uint8Array.from({ length: height * width * 3 }, (_, i) => seed + i);

async function record(seed: number, packed: boolean): Promise<Buffer> {
  const image = await sharp(pixels(seed), { raw: { height, width, channels: 3 } })
    .png()
    .toBuffer();
  return exampleBytes(
    {
      image: [image],
      text: [Buffer.from(`text ${"é".repeat(seed)}`)],
      numbers: [seed / 4, -1.5, 3],
      label: [BigInt(Math.floor(seed / 10) - 1)],
      kind: [Buffer.from(seed === 20 ? "cat" : "dög")],
      targets: [-BigInt(seed), 7n],
    },
    packed,
  );
}

async function write(directory: string, variant: Variant): Promise<string> {
  const all: Record<string, readonly number[]> = { ...files };
  if (variant === "edited") all["a.tfrecord"] = [10, 21];
  if (variant === "extended") Object.assign(all, { "0.tfrecord": [40], "b.tfrecord": [30, 50] });
  for (const [name, of] of Object.entries(all)) {
    // Both ways to write lists of numbers.
    await writeFile(
      join(directory, name),
      tfrecordBytes(await Promise.all(of.map((seed) => record(seed, seed !== 20)))),
    );
  }
  return join(directory, "*.tfrecord");
}

function subject(
  name: string,
  features: TfRecordOptions["features"],
  rest: Pick<Subject, "input" | "label" | "numClasses" | "classNames"> & Partial<Subject>,
  sampleOf: (seed: number) => Sample,
): Subject {
  return {
    name: `tfrecord of ${name}`,
    write: async (directory, variant) => tfrecordSource({ files: await write(directory, variant), features }),
    samples: async () => seeds.map(sampleOf),
    placeOfSample1: (directory) => `${join(directory, "a.tfrecord")}, record 2`,
    damages: [],
    byPosition: true,
    ...rest,
  };
}

/** Changes one byte of a file. */
async function flip(path: string, find: (bytes: Buffer) => number): Promise<void> {
  const bytes = await readFile(path);
  bytes[find(bytes)]! ^= 1;
  await writeFile(path, bytes);
}

export const tfrecordImages = subject(
  "images",
  {
    input: { feature: "image", type: "image", height, width },
    label: { feature: "label", type: "class", numClasses: 6 },
  },
  {
    input: `uint8[${height},${width},3]`,
    label: "int32[]",
    numClasses: 6,
    classNames: null,
    badRecord: {
      // What is no image any more, with checksums that say that it was written so.
      damage: async (directory) => {
        const label = [2n];
        const broken = exampleBytes({ image: [Buffer.from("no image")], label });
        await writeFile(join(directory, "b.tfrecord"), tfrecordBytes([broken]));
      },
      place: "b.tfrecord, record 1",
      shows: "reading",
      left: [0, 1],
    },
  },
  (seed) => ({ input: [...pixels(seed)], label: [seed / 10 - 1] }),
);

export const tfrecordTexts = subject(
  "bytes",
  { input: { feature: "text", type: "bytes" }, label: { feature: "kind", type: "name", classNames: ["dög", "cat"] } },
  {
    input: "uint8[?]",
    label: "int32[]",
    numClasses: 2,
    classNames: ["dög", "cat"],
    damages: [
      {
        what: "a file that ends within a record",
        damage: (directory) => truncate(join(directory, "b.tfrecord"), 50),
        code: "DATASET_CORRUPT",
        facts: { what: "truncated", expected: "record 1 to its end", found: "50 bytes of it" },
      },
      {
        what: "a damaged length",
        damage: (directory) => flip(join(directory, "a.tfrecord"), () => 1),
        code: "DATASET_CORRUPT",
        facts: { what: "checksum of the length of record 1" },
      },
      {
        what: "records that are no Examples",
        damage: (directory) => writeFile(join(directory, "a.tfrecord"), tfrecordBytes([Buffer.from("hello")])),
        code: "DATASET_SCHEMA",
        facts: { expected: "records that are tf.train.Example" },
      },
    ],
    badRecord: {
      damage: (directory) => flip(join(directory, "a.tfrecord"), (bytes) => bytes.lastIndexOf("cat")),
      place: "a.tfrecord, record 2",
      shows: "opening",
      left: [0, 2],
    },
  },
  (seed) => ({ input: [...Buffer.from(`text ${"é".repeat(seed)}`)], label: [seed === 20 ? 1 : 0] }),
);

export const tfrecordNumbers = subject(
  "numbers",
  {
    input: { feature: "numbers", type: "float", shape: [3] },
    label: { feature: "targets", type: "integer", shape: [2] },
  },
  {
    input: "float32[3]",
    label: "int32[2]",
    numClasses: null,
    classNames: null,
    damages: [
      {
        what: "another feature than the one asked for",
        damage: (directory) =>
          writeFile(join(directory, "a.tfrecord"), tfrecordBytes([exampleBytes({ other: [1], targets: [1n, 2n] })])),
        code: "DATASET_SCHEMA",
        facts: { column: "numbers", expected: "a feature of this name", found: "only other, targets" },
      },
      {
        what: "integers where floats should be",
        damage: (directory) =>
          writeFile(join(directory, "a.tfrecord"), tfrecordBytes([exampleBytes({ numbers: [1n], targets: [1n, 2n] })])),
        code: "DATASET_SCHEMA",
        facts: { column: "numbers", expected: "a list of float", found: "one of int64" },
      },
    ],
    badRecord: {
      damage: (directory) =>
        writeFile(join(directory, "b.tfrecord"), tfrecordBytes([exampleBytes({ numbers: [1, 2], targets: [1n, 2n] })])),
      place: "b.tfrecord, record 1",
      shows: "opening",
      left: [0, 1],
    },
  },
  (seed) => ({ input: [seed / 4, -1.5, 3], label: [-seed, 7] }),
);
