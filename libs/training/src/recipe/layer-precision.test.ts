import { describe, expect, test } from "vitest";
import { layerPrecisionOf } from "./layer-precision.ts";

const layers = ["stem", "block1/conv2d", "block1/dense", "block12/dense", "dense", "head.out"];

describe("precision by layer", () => {
  test("names and patterns, of which the last that fits holds", () => {
    const found = layerPrecisionOf(
      { "block1*": "float16", "*/dense": "float32", stem: "bfloat16", "head.out": "float32" },
      layers,
    );
    expect(Object.fromEntries(found)).toEqual({
      stem: "bfloat16",
      "block1/conv2d": "float16",
      "block1/dense": "float32",
      "block12/dense": "float32",
      "head.out": "float32",
    });
    expect(layerPrecisionOf({}, layers).size).toBe(0);
  });

  test("only a star is special", () => {
    expect(() => layerPrecisionOf({ "head?out": "float32" }, layers)).toThrow();
    expect(() => layerPrecisionOf({ "d.nse": "float32" }, layers)).toThrow();
  });

  test.each([
    ["blok12/dense", /Did you mean "block12\/dense"\? The layers are: stem, /],
    ["nothing*", /^The layers are: stem, /],
  ])("%s is no layer: near names are named", (pattern, remedy) => {
    expect(() => layerPrecisionOf({ stem: "float16", [pattern]: "float16" }, layers)).toThrowError(
      expect.objectContaining({
        code: "RECIPE_INVALID",
        remedy: expect.stringMatching(remedy),
        facts: expect.objectContaining({ pattern }),
      }),
    );
  });

  test("a function has no layers", () => {
    expect(() => layerPrecisionOf({ dense: "float16" }, [])).toThrowError(
      expect.objectContaining({ remedy: expect.stringContaining("leave layerPrecision out") }),
    );
  });
});
