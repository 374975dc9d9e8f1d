import { readFile, stat } from "node:fs/promises";
import { stripTypeScriptTypes } from "node:module";
import { dirname, extname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { AnnealError } from "@anneal/contracts";
import { ImportType, init, parse } from "es-module-lexer";

/** One file of a recipe. */
export interface SourceFile {
  /** Absolute path. */
  readonly path: string;
  readonly bytes: Buffer;
}

const typescriptExtensions = new Set([".ts", ".mts"]);
const moduleExtensions = new Set([...typescriptExtensions, ".js", ".mjs", ".json"]);

/**
 * A recipe's file and everything that it reaches by relative imports, in the order in which it is reached. Modules
 * named by `import.meta.resolve("./x.ts")` or `new URL("./x.ts", import.meta.url)` count: that is how transforms are
 * given to threads. Packages do not count: the lock file pins them.
 *
 * @throws AnnealError RECIPE_NOT_FOUND, or RECIPE_INVALID with file and line for what cannot be parsed or found
 */
export async function readSourceGraph(entry: string): Promise<readonly SourceFile[]> {
  await init;
  if (!(await isFile(entry))) {
    throw new AnnealError(
      "RECIPE_NOT_FOUND",
      `there is no recipe at ${entry}`,
      "Check the path of the recipe's file.",
      {
        path: entry,
      },
    );
  }
  const files = new Map<string, SourceFile>();
  const pending = [entry];
  for (let path = pending.shift(); path !== undefined; path = pending.shift()) {
    if (files.has(path)) continue;
    const bytes = await readFile(path);
    files.set(path, { path, bytes });
    if (extname(path) === ".json" || !moduleExtensions.has(extname(path))) continue;
    for (const specifier of relativeSpecifiers(path, bytes.toString("utf8"))) {
      const target = fileURLToPath(new URL(specifier, `file://${encodeURI(path)}`));
      if (await isFile(target)) pending.push(target);
      else throw missingImport(path, specifier);
    }
  }
  return [...files.values()];
}

/** The relative modules that a source names, types of TypeScript left aside. */
export function relativeSpecifiers(path: string, source: string): readonly string[] {
  const code = typescriptExtensions.has(extname(path)) ? stripTypes(path, source) : source;
  const specifiers = parseImports(path, code).flatMap((found) => {
    if (found.t === ImportType.ImportMeta) return moduleReference(code, found.s, found.e) ?? [];
    return found.n ?? [];
  });
  return [...new Set(specifiers)].filter((specifier) => /^\.{1,2}\//.test(specifier));
}

/** `./x.ts` in `import.meta.resolve("./x.ts")` and `new URL("./x.ts", import.meta.url)`, given where `import.meta` stands. */
function moduleReference(code: string, start: number, end: number): string | null {
  const resolved = /^\s*\.\s*resolve\s*\(\s*(["'`])([^"'`$]+)\1/.exec(code.slice(end, end + 1024))?.[2];
  const url = /\bnew\s+URL\s*\(\s*(["'`])([^"'`$]+)\1\s*,\s*$/.exec(code.slice(Math.max(0, start - 1024), start))?.[2];
  const specifier = resolved ?? url;
  return specifier !== undefined && moduleExtensions.has(extname(specifier)) ? specifier : null;
}

function stripTypes(path: string, source: string): string {
  // The function is marked experimental and warns once per process; Node's own loader, which does the same, does not.
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    return stripTypeScriptTypes(source, { sourceUrl: path });
  } catch (cause) {
    throw syntaxError(path, cause, lineOfStack(cause));
  } finally {
    process.emitWarning = emitWarning;
  }
}

function parseImports(path: string, code: string): ReturnType<typeof parse>[0] {
  try {
    return parse(code, path)[0];
  } catch (cause) {
    const index = cause instanceof Error && "idx" in cause ? Number(cause.idx) : 0;
    throw syntaxError(path, cause, code.slice(0, index).split("\n").length);
  }
}

/** Node puts `path:line` and the code in front of the stack of a syntax error. */
function lineOfStack(cause: unknown): number | null {
  const line = cause instanceof Error ? /^[^\n]*:(\d+)\n/.exec(cause.stack ?? "")?.[1] : undefined;
  return line === undefined ? null : Number(line);
}

function syntaxError(path: string, cause: unknown, line: number | null): AnnealError {
  const message = cause instanceof Error ? cause.message.split("\n")[0] : String(cause);
  const place = line === null ? path : `${path}:${line}`;
  return new AnnealError(
    "RECIPE_INVALID",
    `${place}: ${message}`,
    `Correct the recipe at ${place}.`,
    { path, line },
    { cause },
  );
}

function missingImport(path: string, specifier: string): AnnealError {
  return new AnnealError(
    "RECIPE_INVALID",
    `${path} imports ${specifier}, and there is no file ${resolve(dirname(path), specifier)}`,
    "Correct the import: relative imports need the file's extension.",
    { path, specifier },
  );
}

async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null))?.isFile() ?? false;
}
