import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { textLinesSource } from "../../text-lines/text-lines.ts";
import type { Subject } from "../subject.ts";

/** With what texts come with: a byte order mark, ends of lines of both kinds, blank lines, none at the end. */
const files = {
  "bad/a.txt": "\uFEFFawful\r\n\r\nworse 😀\n",
  "good/b.txt": "fine\n\n\nbetter, größer",
};

export const textLines: Subject = {
  name: "textLines",
  input: "uint8[?]",
  label: "int32[]",
  numClasses: 2,
  classNames: ["bad", "good"],
  write: async (directory, variant) => {
    const all = {
      ...(variant === "extended" ? { "bad/0.txt": "first\n" } : {}),
      ...files,
      ...(variant === "edited" ? { "bad/a.txt": files["bad/a.txt"].replace("awful", "awfur") } : {}),
      ...(variant === "extended" ? { "good/b.txt": `${files["good/b.txt"]}\nbest` } : {}),
    };
    for (const [name, text] of Object.entries(all)) {
      await mkdir(join(directory, name, ".."), { recursive: true });
      await writeFile(join(directory, name), text);
    }
    return textLinesSource({ files: join(directory, "*/*.txt"), classes: "folder" });
  },
  samples: async () =>
    [
      ["awful", 0],
      ["worse 😀", 0],
      ["fine", 1],
      ["better, größer", 1],
    ].map(([text, label]) => ({ input: [...Buffer.from(text as string)], label: [label as number] })),
  placeOfSample1: (directory) => `${join(directory, "bad/a.txt")}, line 3`,
  damages: [
    {
      what: "files that are not there",
      damage: async (directory) => {
        for (const folder of ["bad", "good"]) await rm(join(directory, folder), { recursive: true });
      },
      code: "DATASET_NOT_FOUND",
      facts: { reason: "no file matches" },
    },
    {
      what: "files without a line",
      damage: async (directory) => {
        for (const name of Object.keys(files)) await writeFile(join(directory, name), "\n\r\n");
      },
      code: "DATASET_CORRUPT",
      facts: { what: "lines that are samples", found: 0 },
    },
  ],
  badRecord: {
    damage: async (directory) => {
      const path = join(directory, "good/b.txt");
      const text = await readFile(path, "latin1");
      await writeFile(path, text.replace("fine", "f\xefne"), "latin1");
    },
    place: "good/b.txt, line 1",
    shows: "opening",
    left: [0, 1, 3],
  },
  byPosition: true,
};
