import { describe, expect, test } from "vitest";
import { z } from "zod";
import { describeParameters, parseParameters } from "./parameters.ts";

const recipe = {
  name: "digits",
  parameters: z.object({
    epochs: z.int().min(1).max(10).default(3).describe("Passes over the data"),
    learningRate: z.number().positive().default(0.001),
    augment: z.boolean().default(false),
    activation: z.enum(["relu", "tanh"]).default("relu"),
    units: z.array(z.int()).default([64, 32]),
    note: z.string().default(""),
    size: z
      .string()
      .regex(/^\d+MiB$/, "an amount such as 5MiB")
      .optional(),
  }),
};

function problemsOf(raw: Record<string, unknown>): string {
  try {
    parseParameters(recipe, raw);
  } catch (error) {
    expect(error).toMatchObject({ code: "PARAMETER_INVALID" });
    return (error as Error).message;
  }
  throw new Error("nothing was wrong");
}

describe("parseParameters", () => {
  test("fills in defaults", () => {
    expect(parseParameters(recipe, {})).toEqual({
      epochs: 3,
      learningRate: 0.001,
      augment: false,
      activation: "relu",
      units: [64, 32],
      note: "",
    });
  });

  test("reads the strings of a command line, dashes and all", () => {
    const raw = { epochs: "5", "learning-rate": "1e-2", augment: "true", units: "8,4", note: "7" };
    expect(parseParameters(recipe, raw)).toMatchObject({
      epochs: 5,
      learningRate: 0.01,
      augment: true,
      units: [8, 4],
      note: "7",
    });
    expect(parseParameters(recipe, { units: "[1, 2]" }).units).toEqual([1, 2]);
  });

  test("takes JSON values as they are", () => {
    expect(parseParameters(recipe, { epochs: 5, augment: true, units: [1] })).toMatchObject({ epochs: 5, units: [1] });
  });

  test("names every problem at once, with what is allowed", () => {
    const message = problemsOf({ epochs: "99", learningRate: "fast", augment: "yes", epoch: 3, activation: "gelu" });
    expect(message).toContain("epochs must be an integer from 1 to 10, not 99");
    expect(message).toContain('learningRate must be a number above 0, not "fast"');
    expect(message).toContain('augment must be true or false, not "yes"');
    expect(message).toContain('activation must be one of "relu", "tanh", not "gelu"');
    expect(message).toContain('there is no parameter "epoch"; did you mean "epochs"?');
  });

  test("says what is wrong with a text, not that it must be one", () => {
    expect(problemsOf({ size: "5" })).toBe('digits: size: an amount such as 5MiB, not "5"');
    expect(problemsOf({ size: 5 })).toBe("digits: size must be a text, not 5");
  });

  test("suggests nothing for a name that is like none", () => {
    expect(problemsOf({ zzzzz: 1 })).toBe('digits: there is no parameter "zzzzz"');
  });

  test("says which element of a list is wrong", () => {
    expect(problemsOf({ units: [1, 2.5] })).toContain("units.1:");
  });
});

test("describeParameters gives a row for each", () => {
  const rows = describeParameters(recipe);
  expect(rows.map(({ name }) => name)).toEqual(Object.keys(recipe.parameters.shape));
  expect(rows[0]).toEqual({
    name: "epochs",
    type: "integer",
    allowed: "an integer from 1 to 10",
    default: 3,
    description: "Passes over the data",
  });
  expect(rows[3]).toMatchObject({ type: "string", allowed: 'one of "relu", "tanh"', default: "relu" });
  expect(rows[4]).toMatchObject({ type: "array", allowed: "a list, each an integer" });
});
