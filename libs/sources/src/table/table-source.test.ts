import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, expect, test } from "vitest";
import { createReader } from "../open-source.ts";
import type { SourceContext } from "../source.ts";
import { readSamples } from "../test-support/read-samples.ts";
import { type TableOptions, tableSource } from "./declaration.ts";
import { openTable } from "./table-source.ts";

const root = mkdtempSync(join(tmpdir(), "anneal-table-"));
afterAll(() => rmSync(root, { recursive: true }));
const context: SourceContext = { cacheDirectory: join(root, "cache"), memoryBytes: 2 ** 24, onBadRecord: "fail" };

function open(text: string | Uint8Array, options: Omit<TableOptions, "files">, name = "table.csv", strict = true) {
  const path = join(root, name);
  writeFileSync(path, text);
  return openTable(tableSource({ files: path, ...options }), { ...context, onBadRecord: strict ? "fail" : "skip" });
}

const indices = (count: number) => Array.from({ length: count }, (_, index) => index);

test("many rows come in their order, in whatever pieces they are read", async () => {
  const numRows = 150_000;
  const lines = Array.from({ length: numRows }, (_, i) => `${i},${i % 7},${i % 3 === 0 ? "even" : "odd"}\n`);
  const source = await open(`n,seven,kind\n${lines.join("")}`, {
    columns: { n: "number", seven: "category" },
    label: "kind",
  });
  expect(source).toMatchObject({ numSamples: numRows, classNames: ["even", "odd"] });
  expect(source.columns).toEqual([
    { name: "n", categories: null },
    { name: "seven", categories: ["0", "1", "2", "3", "4", "5", "6"] },
  ]);
  const reader = createReader(source.handles);
  await reader.load(Uint32Array.from(indices(numRows)));
  const label = new Int32Array(1);
  for (let i = 0; i < numRows; i += 1) {
    reader.readLabel(i, label, 0);
    const [n, seven] = reader.input(i);
    if (n === i && seven === i % 7 && label[0] === (i % 3 === 0 ? 0 : 1)) continue;
    throw new Error(`row ${i} is ${n}, ${seven}, ${label[0]}`);
  }
  expect(new Set(source.keys).size).toBe(numRows);
});

test("a line may hold whatever JSON can: backslashes, zeros, separators, quotes", async () => {
  const texts = ["\\0", "\0", "a,b\tc|d;e", '"', "\u0001 \u{10FFFD} \n"];
  const rows = texts.map((text, index) => `${JSON.stringify({ text, y: index % 2 })}\n`);
  const source = await open(rows.join(""), { columns: { text: "text" }, label: "y" }, "odd.jsonl");
  const samples = await readSamples(source, indices(texts.length));
  expect(samples.map(({ input }) => new TextDecoder().decode(Uint8Array.from(input)))).toEqual(texts);
});

test("several values are one class where the declaration says so; one that is in none is a bad record", async () => {
  const rows = "n,group\n1,spam-1\n2,ham-2\n3,ham-1\n4,spam-2\n";
  const options = {
    columns: { n: "number" },
    label: "group",
    classNames: { ham: ["ham-1", "ham-2"], spam: ["spam-1", "spam-2"] },
  } as const;
  const source = await open(rows, options, "groups.csv");
  expect(source).toMatchObject({ numClasses: 2, classNames: ["ham", "spam"] });
  const samples = await readSamples(source, [0, 1, 2, 3]);
  expect(samples.map(({ label: [label] }) => label)).toEqual([1, 0, 0, 1]);
  await expect(open(`${rows}5,other\n`, options, "other.csv")).rejects.toMatchObject({ code: "BAD_RECORD" });
  const twice = { ...options, classNames: { a: ["x"], b: ["x"] } };
  expect(() => tableSource({ files: "/x.csv", ...twice })).toThrow(RangeError);
});

test("labels that are numbers, and categories by size where they are numbers", async () => {
  const source = await open("n,c,y\n1,10,0.5\n2,9,-1e3\n3,x,7\n", {
    columns: { n: "number", c: "category" },
    label: "y",
    labelType: "number",
  });
  expect(source).toMatchObject({ numClasses: null, classNames: null, label: { shape: [], dtype: "float32" } });
  expect(await readSamples(source, [0, 1, 2])).toEqual([
    { input: [1, 1], label: [0.5] },
    { input: [2, 0], label: [-1000] },
    { input: [3, 2], label: [7] },
  ]);
});

test("given categories and classes keep their order; what is none of them is missing, or a bad record", async () => {
  const options: Omit<TableOptions, "files"> = {
    columns: { c: { category: ["z", "a"] } },
    label: "y",
    classNames: ["no", "yes", "perhaps"],
  };
  const source = await open("c,y\na,yes\nq,no\nz,never\nz,yes\n", options, "given.csv", false);
  expect(source).toMatchObject({ numClasses: 3, badRecords: { count: 1, places: [join(root, "given.csv, line 4")] } });
  expect(await readSamples(source, [0, 1, 2])).toEqual([
    { input: [1], label: [1] },
    { input: [Number.NaN], label: [0] },
    { input: [0], label: [1] },
  ]);
  await expect(open("c,y\nz,never\n", options)).rejects.toMatchObject({
    code: "BAD_RECORD",
    facts: { reason: 'the label "y" is none of those that are known' },
  });
});

test("bad rows of several kinds are counted by line, and the lines of the others are right", async () => {
  const text = ["n,s,y", "1,a,p", "x,a,p", "2,a,", '3,"a', 'b",p', "4,a", "5,a,p,q", "6,a,p", ""].join("\n");
  const source = await open(text, { columns: { n: "number" }, label: "y" }, "bad.csv", false);
  expect((await readSamples(source, [0, 1, 2])).map(({ input }) => input[0])).toEqual([1, 3, 6]);
  expect(source.badRecords.count).toBe(4);
  expect(source.badRecords.places.slice(0, 2)).toEqual(
    ["line 3", "line 4"].map((line) => join(root, `bad.csv, ${line}`)),
  );
  const reader = createReader(source.handles);
  expect([0, 1].map((index) => reader.placeOf(index))).toEqual(
    ["line 2", "line 5"].map((line) => join(root, `bad.csv, ${line}`)),
  );
});

test("a column of keys names the rows, whichever file and line they are in", async () => {
  const options: Omit<TableOptions, "files"> = { columns: { n: "number" }, label: "y", key: "id" };
  const first = await open("id,n,y\nx,1,p\nyy,2,q\n", options, "k1.csv");
  const second = await open("y,id,n\nq,yy,2\np,z,3\np,x,1\n", options, "k2.csv");
  expect([first.keys![0], first.keys![1]]).toEqual([second.keys![2], second.keys![0]]);
  expect(new Set([...first.keys!, ...second.keys!]).size).toBe(3);
});

test("compressed files, names with quotes, and a byte order mark", async () => {
  const text = '\uFEFF"a ""quoted"", name",y\n1,p\n';
  const options: Omit<TableOptions, "files"> = { columns: { 'a "quoted", name': "number" }, label: "y" };
  const source = await open(gzipSync(text), options, "it's [1].csv.gz");
  expect(await readSamples(source, [0])).toEqual([{ input: [1], label: [0] }]);
});

test("a table is converted once, until something of what is kept is gone", async () => {
  const options: Omit<TableOptions, "files"> = { columns: { n: "number" }, label: "y" };
  const source = await open("n,y\n1,p\n2,q\n", options, "once.csv");
  const stored = join(context.cacheDirectory, "data", source.digest);
  // What no conversion would give: so it shows that there was none.
  writeFileSync(join(stored, "inputs.bin"), Buffer.from(Float32Array.of(8, 9).buffer));
  expect(await readSamples(await open("n,y\n1,p\n2,q\n", options, "once.csv"), [0, 1])).toMatchObject([
    { input: [8] },
    { input: [9] },
  ]);
  writeFileSync(join(stored, "inputs.bin"), Buffer.from(Float32Array.of(8).buffer));
  expect(await readSamples(await open("n,y\n1,p\n2,q\n", options, "once.csv"), [0, 1])).toMatchObject([
    { input: [1] },
    { input: [2] },
  ]);
  expect(readdirSync(join(context.cacheDirectory, "data")).filter((name) => name.endsWith(".tmp"))).toEqual([]);
});

test("two conversions of the same at the same time give the same", async () => {
  const text = `n,y\n${"5,p\n".repeat(20_000)}`;
  const both = await Promise.all([1, 2].map(() => open(text, { columns: { n: "number" }, label: "y" }, "twice.csv")));
  expect(both.map(({ numSamples }) => numSamples)).toEqual([20_000, 20_000]);
});

test.each([
  ["no columns", { columns: {}, label: "y" }],
  ["a text beside a number", { columns: { t: "text", n: "number" }, label: "y" }],
  ["classes of a number", { columns: { n: "number" }, label: "y", labelType: "number", classNames: ["p"] }],
] as const)("refuses a declaration of %s", (_what, options) => {
  expect(() => tableSource({ files: "/a.csv", ...(options as Omit<TableOptions, "files">) })).toThrow(RangeError);
});

test("a file of no format that is known, one without rows, and one that stops", async () => {
  const options: Omit<TableOptions, "files"> = { columns: { n: "number" }, label: "y" };
  await expect(open("n,y\n1,p\n", options, "table.data")).rejects.toMatchObject({ code: "DATASET_CORRUPT" });
  expect((await open("n,y\n1,p\n", { ...options, format: "csv" }, "table.data")).numSamples).toBe(1);
  await expect(open("n,y\n", { ...options, classNames: ["p"] }, "none.csv")).rejects.toMatchObject({
    code: "DATASET_CORRUPT",
  });
  const signal = AbortSignal.timeout(0);
  await new Promise((resolve) => signal.addEventListener("abort", resolve));
  const declaration = tableSource({ files: join(root, "table.csv"), ...options });
  await expect(openTable(declaration, { ...context, signal })).rejects.toThrow(/timeout/);
});
