import { AnnealError } from "@anneal/contracts";
import { expect, test } from "vitest";
import { formatDurationFlag, parseBytes, parseDurationMs, parseIndices, parseInputs, parsePairs } from "./options.ts";

test.each([
  ["500ms", 500],
  ["30s", 30_000],
  ["1.5s", 1_500],
  ["5m", 300_000],
  ["1h30m", 5_400_000],
  ["1d", 86_400_000],
])("%s is %d ms", (text, expected) => {
  expect(parseDurationMs(text, "--every")).toBe(expected);
});

test.each(["", "30", "s", "-5s", "5 s", "5x", "1h then 2m", "s5"])("%j is no duration", (text) => {
  expect(() => parseDurationMs(text, "--every")).toThrow(AnnealError);
});

test.each(["100ms", "1500ms", "90s", "10m", "36h", "1d"])("%s is written as it is read", (text) => {
  expect(formatDurationFlag(parseDurationMs(text, "--every"))).toBe(text);
});

test.each([
  ["20GB", 20e9],
  ["1.5KB", 1_500],
  ["512MiB", 2 ** 29],
])("%s is %d bytes", (text, expected) => {
  expect(parseBytes(text, "--max-size")).toBe(expected);
});

test.each(["", "20", "GB", "20 gb", "-1GB", "50%", "1B"])("%j is no size", (text) => {
  expect(() => parseBytes(text, "--max-size")).toThrow(AnnealError);
});

test("indices are ranges and single ones, in the order given", () => {
  expect(parseIndices("0-3,42, 7-7")).toEqual([0, 1, 2, 3, 42, 7]);
  for (const text of ["", "a", "3-1", "1-", "-1", "0-100000"]) expect(() => parseIndices(text)).toThrow(AnnealError);
});

test("inputs are one list of numbers a sample, nested or flat", () => {
  expect(parseInputs("[[1, 2], [[3], [4]]]")).toEqual([
    [1, 2],
    [3, 4],
  ]);
  for (const text of ["", "{}", "[1]", '[["a"]]', "[[null]]"]) expect(() => parseInputs(text)).toThrow(AnnealError);
});

test("a parameter's value may hold an equals sign, its name may not be empty", () => {
  expect(parsePairs(["a=1", "b=c=d", "e="])).toEqual({ a: "1", b: "c=d", e: "" });
  expect(() => parsePairs(["=1"])).toThrow(AnnealError);
  expect(() => parsePairs(["a"])).toThrow(AnnealError);
});
