import { expect, it } from "vitest";
import { parseArguments } from "./arguments.ts";

const known = ["train", "feed"];

it("reads names and flags; no names mean all", () => {
  expect(parseArguments(["feed", "feed", "--json", "--quick", "--rounds", "3"], known)).toEqual({
    names: ["feed"],
    json: true,
    jsonFile: null,
    quick: true,
    rounds: 3,
    models: null,
    workloads: null,
    article: false,
    peers: false,
    precision: "float32",
    help: false,
  });
  expect(parseArguments([], known)).toMatchObject({ names: known, json: false, quick: false, rounds: null });
});

it("reads what single benches take, and a file after --json", () => {
  const args = [
    "feed",
    "--models",
    "mlp,cnn",
    "--workloads",
    "csv",
    "--article",
    "--peers",
    "--precision",
    "bfloat16",
    "--json",
    "out.json",
    "train",
  ];
  expect(parseArguments(args, known)).toMatchObject({
    names: ["feed", "train"],
    models: ["mlp", "cnn"],
    workloads: ["csv"],
    article: true,
    peers: true,
    precision: "bfloat16",
    json: false,
    jsonFile: "out.json",
  });
  expect(parseArguments(["--json", "feed"], known)).toMatchObject({ names: ["feed"], json: true, jsonFile: null });
});

it.each([[["tain"]], [["--rounds", "0"]], [["--rounds", "1.5"]], [["--fast"]], [["--precision", "float8"]]])(
  "refuses %j, saying what to write",
  (args) => {
    expect(() => parseArguments(args, known)).toThrow(expect.objectContaining({ code: "USAGE" }));
  },
);
