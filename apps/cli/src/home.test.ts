import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempAnnealHome } from "@anneal/testing";
import { afterAll, expect, test } from "vitest";
import { ensureHome } from "./home.ts";
import { runAnneal } from "./test-support/run-anneal.ts";

const temp = tempAnnealHome();
afterAll(() => temp[Symbol.dispose]());

test("a home is made with the folders above it, and may exist", () => {
  const home = join(temp.path, "a", "b");
  ensureHome(home);
  ensureHome(home);
  expect(existsSync(home)).toBe(true);
});

test("a file, a path below one, and a file system without new folders are refused, naming ANNEAL_HOME", async () => {
  const file = join(temp.path, "file");
  writeFileSync(file, "");
  for (const home of [file, join(file, "below"), "/proc/anneal/home"]) {
    expect(() => ensureHome(home)).toThrowError(
      expect.objectContaining({
        code: "DIRECTORY_UNWRITABLE",
        message: expect.stringContaining("ANNEAL_HOME"),
        remedy: expect.stringContaining("ANNEAL_HOME"),
      }),
    );
  }
  expect(await runAnneal(["up"], { ANNEAL_HOME: "/proc/anneal/home" })).toMatchObject({
    exitCode: 8,
    stderr: expect.stringMatching(/^error DIRECTORY_UNWRITABLE/),
  });
});

test.each(["down", "list", "gc"])("%s refuses a home that is a file", async (command) => {
  const file = join(temp.path, "another-file");
  writeFileSync(file, "");
  expect(await runAnneal([command], { ANNEAL_HOME: file })).toMatchObject({
    exitCode: 8,
    stderr: expect.stringContaining("ANNEAL_HOME"),
  });
});

test("init makes the folder of its recipe", async () => {
  const file = join(temp.path, "experiments", "new", "my-recipe.ts");
  expect(await runAnneal(["init", file], temp.env)).toMatchObject({ exitCode: 0 });
  expect(existsSync(file)).toBe(true);
  writeFileSync(join(temp.path, "plain"), "");
  expect(await runAnneal(["init", join(temp.path, "plain", "r.ts")], temp.env)).toMatchObject({ exitCode: 2 });
});
