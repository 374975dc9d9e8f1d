import { AnnealError } from "@anneal/contracts";
import { describe, expect, test } from "vitest";
import { guardRecipe } from "./guard.ts";

const path = "/recipes/mine.ts";

describe("what a part of a recipe throws", () => {
  test.each([
    ["is the recipe's", new Error("no such layer"), "RECIPE_THREW"],
    ["is memory where memory ran out", new Error("Array buffer allocation failed"), "OUT_OF_MEMORY"],
    ["keeps the code it has", new AnnealError("SHAPE_MISMATCH", "shapes", "mend"), "SHAPE_MISMATCH"],
  ])("%s, thrown or rejected", async (_name, cause, code) => {
    const thrown = () =>
      guardRecipe("model()", path, () => {
        throw cause;
      });
    expect(thrown).toThrow(expect.objectContaining({ code }));
    await expect(guardRecipe("data()", path, () => Promise.reject(cause))).rejects.toMatchObject({ code });
  });

  test("what it returns goes through", async () => {
    expect(guardRecipe("model()", path, () => 1)).toBe(1);
    expect(await guardRecipe("data()", path, async () => 2)).toBe(2);
  });
});
