import type { StrategyParts } from "@anneal/policy";
import { expect, test } from "vitest";
import { listOf, strategiesOf } from "./strategies.ts";

const parts: StrategyParts = { precisions: ["float32"], memory: ["plain"], weightStorages: ["float32"] };

test("lists are read with their blanks", () => {
  expect(listOf(" float32, bfloat16,,")).toEqual(["float32", "bfloat16"]);
  expect(
    strategiesOf({ ...parts, precisions: ["float32", "bfloat16"], memory: listOf("plain,half") }).map(
      ({ name }) => name,
    ),
  ).toEqual(["float32", "float32-half", "bfloat16", "bfloat16-half"]);
});

test.each([
  ["an amount that is none", ["plain", "lots"], '"lots"'],
  ["a share of what is not compared", ["half", "512MiB"], "not among those compared"],
  ["a single strategy", ["plain"], "nothing to compare"],
  ["no strategy", [], "nothing to compare"],
  ["too many", Array.from({ length: 65 }, (_, index) => `${index + 1}GiB`), "65 strategies"],
])("%s is refused", (_what, memory, message) => {
  expect(() => strategiesOf({ ...parts, memory })).toThrowError(
    expect.objectContaining({ code: "USAGE", message: expect.stringContaining(message) }),
  );
});
