import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { AnnealError, runSpecSchema } from "@anneal/contracts";
import { afterAll, expect, test } from "vitest";
import { tempFolder } from "../test-support/temp-folder.ts";
import { recordedSource, snapshotForRun } from "./recipe-source.ts";

const folder = tempFolder();
afterAll(() => folder[Symbol.dispose]());

test("files of a recipe's copies are told as the person's own, also those above the recipe, and modules are called as it calls them", async () => {
  folder.write("my recipes/shared/steps.ts", "export const wide = 1;\n");
  const near = folder.write("my recipes/ä/near.ts", "export const near = 1;\n");
  const path = folder.write(
    "my recipes/ä/recipe.ts",
    'import "./near.ts";\nexport const steps = import.meta.resolve("../shared/steps.ts");\nexport { wide } from "../shared/steps.ts";\n',
  );
  const spec = runSpecSchema.parse({ recipe: { name: "recipe", path } });
  const runs = ["one", "other"].map((name) => join(folder.path, "runs", name));
  const sources = await Promise.all(runs.map((run) => snapshotForRun(run, spec)));
  sources.push(await recordedSource(runs[0]!, sources[0]!.digest, spec));
  for (const { entry, original, relocate, nameOfModule } of sources) {
    const copies = [join(dirname(entry), "near.ts"), join(dirname(entry), "../shared/steps.ts")];
    const [nearUrl, sharedUrl] = copies.map((copy) => pathToFileURL(copy).href) as [string, string];
    expect(original(`${copies[0]}, and ${copies[1]}:3`)).toBe(
      `${near}, and ${join(folder.path, "my recipes/shared/steps.ts")}:3`,
    );
    expect(original(`at ${sharedUrl}`)).toBe(`at ${join(folder.path, "my recipes/shared/steps.ts")}`);
    expect(original("rows.csv, line 3")).toBe("rows.csv, line 3");
    expect([nearUrl, sharedUrl].map(nameOfModule)).toEqual(["near.ts", "../shared/steps.ts"]);
    expect(nameOfModule("data:text/javascript,1")).toBe("data:text/javascript,1");
    const { message, facts } = relocate(
      new AnnealError("RECIPE_THREW", `in ${entry}`, "Mend it.", { path: entry, line: 3 }),
    );
    expect([message, facts]).toEqual([`in ${path}`, { path, line: 3 }]);
  }
  expect(new Set(sources.map(({ entry }) => entry)).size).toBe(2);
});
