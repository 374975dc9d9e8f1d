import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

const fileOf = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

/** Ready recipes: absolute path of the file by name. The files are loaded only when a recipe is used. */
export const builtInRecipes: Readonly<Record<string, string>> = {
  mnist: fileOf("./mnist.ts"),
  resnet20: fileOf("./resnet20.ts"),
  chars: fileOf("./chars.ts"),
  diamonds: fileOf("./diamonds.ts"),
  spam: fileOf("./spam.ts"),
  clicks: fileOf("./clicks.ts"),
  "mnist-topic": fileOf("./mnist-topic.ts"),
  smoke: fileOf("./smoke.ts"),
};

/** The text of the commented recipe that `anneal init` writes. It is a working recipe itself. */
export async function recipeTemplate(): Promise<string> {
  return readFile(fileOf("./template/recipe.ts"), "utf8");
}
