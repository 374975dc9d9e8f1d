import { expect, test } from "vitest";
import { importsOf, packageOf } from "./imports.ts";

test("finds every way to ask for a module", () => {
  const source = [
    'import a, { type A } from "a";',
    'import type { B } from "b";',
    'export * from "c";',
    'export type { D } from "d";',
    'type E = import("e").E;',
    'const f = await import("f");',
    'const g = require("g");',
    'const h = new URL("./h.ts", import.meta.url);',
    'const i = import.meta.resolve("i/package.json");',
    'const no = [resolve("x"), new URL("y", base), import(name), "import z from \'z\'"]; // import "w";',
  ].join("\n");
  expect(importsOf("x.ts", source).map(({ specifier, kind, line }) => `${line} ${kind} ${specifier}`)).toEqual([
    "1 module a",
    "2 types b",
    "3 module c",
    "4 types d",
    "5 types e",
    "6 module f",
    "7 module g",
    "8 file ./h.ts",
    "9 module i/package.json",
  ]);
});

test("a source that does not parse is an error that names the file", () => {
  expect(() => importsOf("libs/x.ts", "import {")).toThrow(/libs\/x\.ts/);
});

test("names the package of a specifier", () => {
  expect(["zod", "zod/v4", "@anneal/data", "@anneal/data/src/x.ts", "./x.ts", "node:fs", "#x"].map(packageOf)).toEqual([
    "zod",
    "zod",
    "@anneal/data",
    "@anneal/data",
    undefined,
    undefined,
    undefined,
  ]);
});
