import { expect, it } from "vitest";
import { parseArguments } from "./arguments.ts";

const known = ["train", "feed"];

it("reads names and flags; no names mean all", () => {
  expect(parseArguments(["feed", "feed", "--json", "--quick", "--rounds", "3"], known)).toEqual({
    names: ["feed"],
    json: true,
    quick: true,
    rounds: 3,
    help: false,
  });
  expect(parseArguments([], known)).toMatchObject({ names: known, json: false, quick: false, rounds: null });
});

it.each([[["tain"]], [["--rounds", "0"]], [["--rounds", "1.5"]], [["--fast"]]])(
  "refuses %j, saying what to write",
  (args) => {
    expect(() => parseArguments(args, known)).toThrow(expect.objectContaining({ code: "USAGE" }));
  },
);
