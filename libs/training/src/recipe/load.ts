import { stat } from "node:fs/promises";
import { isAbsolute, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { AnnealError } from "@anneal/contracts";
import type { Recipe } from "./define.ts";
import { readSourceGraph } from "./source-graph.ts";
import { suggest } from "./suggest.ts";
import { validateRecipe } from "./validate.ts";

export interface ResolveOptions {
  /** Ready recipes: absolute path of the file by name. */
  readonly builtIn?: Readonly<Record<string, string>>;
  /** Where relative paths start. Default: the working directory. */
  readonly cwd?: string;
}

/**
 * The absolute path of a recipe given by name or by path. What looks like a path (a slash, or the extension of a
 * module) is one.
 *
 * @throws AnnealError RECIPE_NOT_FOUND
 */
export async function resolveRecipe(
  nameOrPath: string,
  { builtIn = {}, cwd = process.cwd() }: ResolveOptions = {},
): Promise<string> {
  if (Object.hasOwn(builtIn, nameOrPath)) return builtIn[nameOrPath]!;
  const path = isAbsolute(nameOrPath) ? nameOrPath : resolve(cwd, nameOrPath);
  if ((await stat(path).catch(() => null))?.isFile()) return path;
  if (/[/\\]|\.[cm]?[jt]s$/.test(nameOrPath)) {
    throw new AnnealError("RECIPE_NOT_FOUND", `there is no recipe at ${path}`, "Check the path of the recipe's file.", {
      path,
    });
  }
  const names = Object.keys(builtIn);
  const closest = suggest(nameOrPath, names);
  throw new AnnealError(
    "RECIPE_NOT_FOUND",
    `there is no recipe called "${nameOrPath}"${closest === null ? "" : `; did you mean "${closest}"?`}`,
    `Use one of: ${names.join(", ")}; or give the path of a recipe's file, such as ./my-recipe.ts.`,
    { name: nameOrPath, known: names.join(", ") },
  );
}

/**
 * Imports the recipe at an absolute path and checks its form.
 *
 * @throws AnnealError RECIPE_NOT_FOUND; RECIPE_INVALID for what does not parse, does not link or is no recipe (with
 *   file and line where known); RECIPE_THREW when the module threw while it was loaded
 */
export async function loadRecipe(path: string): Promise<Recipe> {
  // Parsed first, for errors that say where: a module that fails to link has lost its line.
  await readSourceGraph(path);
  let module: Readonly<Record<string, unknown>>;
  try {
    module = await import(/* @vite-ignore */ pathToFileURL(path).href);
  } catch (cause) {
    throw loadingFailed(path, cause);
  }
  return validateRecipe(module.default, path);
}

function loadingFailed(path: string, cause: unknown): AnnealError {
  if (cause instanceof AnnealError) return cause;
  const message = cause instanceof Error ? cause.message : String(cause);
  const place = placeOf(path, cause);
  if (cause instanceof SyntaxError || hasCode(cause, "ERR_MODULE_NOT_FOUND", "ERR_PACKAGE_PATH_NOT_EXPORTED")) {
    const remedy = hasCode(cause, "ERR_MODULE_NOT_FOUND")
      ? "Correct the import, or install the package beside the recipe."
      : `Correct the recipe at ${place}.`;
    return new AnnealError("RECIPE_INVALID", `${place}: ${message}`, remedy, { path }, { cause });
  }
  return threw("loading", path, cause);
}

/** `RECIPE_THREW` for a function of a recipe: what threw, where in the recipe's file. */
export function threw(what: string, path: string, cause: unknown): AnnealError {
  if (cause instanceof AnnealError) return cause;
  const message = cause instanceof Error ? cause.message : String(cause);
  const place = placeOf(path, cause);
  return new AnnealError(
    "RECIPE_THREW",
    `${place}: ${what} threw: ${message}`,
    `Mend the recipe at ${place}.`,
    { path, what },
    { cause },
  );
}

/** `file:line` of the first frame of a stack that lies in the recipe's file, else the file alone. */
function placeOf(path: string, cause: unknown): string {
  const stack = cause instanceof Error ? (cause.stack ?? "") : "";
  for (const form of [pathToFileURL(path).href, path]) {
    const index = stack.indexOf(`${form}:`);
    const line = index < 0 ? undefined : /^:(\d+)/.exec(stack.slice(index + form.length))?.[1];
    if (line !== undefined) return `${path}:${line}`;
  }
  return path;
}

function hasCode(cause: unknown, ...codes: readonly string[]): boolean {
  return cause instanceof Error && "code" in cause && codes.some((code) => code === cause.code);
}
