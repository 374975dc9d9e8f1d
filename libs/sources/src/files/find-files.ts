import { glob, stat } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, relative, sep } from "node:path";
import { AnnealError } from "@anneal/contracts";
import { datasetNotFound } from "../errors.ts";
import type { SourceContext } from "../source.ts";
import { download } from "./download.ts";

/** A file on the web: kept in the cache once it is here. */
export interface RemoteFile {
  /** http or https. */
  readonly url: string;
  /** What its content must hash to (hex); without it any content is taken. */
  readonly sha256?: string;
}

/** Files of a data set: an absolute path, a glob of such, an address on the web, or one with the hash of its content. */
export type FilePattern = string | RemoteFile;

/** A file that is there. */
export interface DataFile {
  /** Absolute. */
  readonly path: string;
  /** What it is called wherever the data set lies: its path from the fixed part of the pattern, with `/`. */
  readonly name: string;
  readonly sizeBytes: number;
  readonly mtimeMs: number;
}

/** More would make little of the disk and much of memory. */
const filesAtOnce = 64;

/**
 * All files that the patterns match: patterns in the order given, the matches of each by name. Throws `DATASET_NOT_FOUND` with
 * the pattern that matches nothing or is no absolute path, and what `download` throws.
 */
export async function findFiles(patterns: readonly FilePattern[], context: SourceContext): Promise<DataFile[]> {
  const files: DataFile[] = [];
  for (const pattern of patterns) {
    const { url = null, sha256 = null } = typeof pattern === "string" ? asRemote(pattern) : pattern;
    if (url === null) files.push(...(await matches(pattern as string, context)));
    else {
      const path = await download(url, { sha256, ...context });
      files.push(await describe(path, basename(new URL(url).pathname) || "data"));
    }
  }
  if (files.length === 0) throw noMatch("(none given)");
  return files;
}

function asRemote(pattern: string): Partial<RemoteFile> {
  return /^https?:\/\//.test(pattern) ? { url: pattern } : {};
}

async function matches(pattern: string, { signal }: SourceContext): Promise<DataFile[]> {
  if (!isAbsolute(pattern)) throw datasetNotFound(pattern, new Error("the path is not absolute"));
  const base = fixedPart(pattern);
  // A name that has the characters of a glob in it may be a file all the same.
  if (base === null || (await isFile(pattern))) return [await describe(pattern, basename(pattern))];
  const paths: string[] = [];
  for await (const path of glob(pattern)) {
    signal?.throwIfAborted();
    paths.push(path);
  }
  const found = await describeAll(paths, base, signal);
  if (found.length === 0) throw noMatch(pattern);
  return found;
}

/** Those of the paths that are files, by name. `base` is the directory that names are relative to. */
export async function describeAll(paths: readonly string[], base: string, signal?: AbortSignal): Promise<DataFile[]> {
  const files: DataFile[] = [];
  for (let at = 0; at < paths.length; at += filesAtOnce) {
    signal?.throwIfAborted();
    const some = paths.slice(at, at + filesAtOnce);
    const found = await Promise.all(
      some.map(async (path) => {
        const stats = await stat(path).catch(unreadable(path));
        const name = relative(base, path).split(sep).join("/");
        return stats.isFile() ? { path, name, sizeBytes: stats.size, mtimeMs: stats.mtimeMs } : null;
      }),
    );
    for (const file of found) if (file !== null) files.push(file);
  }
  return files.sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function describe(path: string, name: string): Promise<DataFile> {
  const stats = await stat(path).catch(unreadable(path));
  if (!stats.isFile()) throw datasetNotFound(path, new Error("not a file"));
  return { path, name, sizeBytes: stats.size, mtimeMs: stats.mtimeMs };
}

function unreadable(path: string) {
  return (cause: unknown): never => {
    throw datasetNotFound(path, cause);
  };
}

async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null))?.isFile() ?? false;
}

/** The directory before the first part of a glob that has a wildcard; null for what is no glob. */
function fixedPart(pattern: string): string | null {
  const parts = pattern.split("/");
  const first = parts.findIndex((part) => /[*?[\]{}]|[!+@]\(/.test(part));
  return first < 0 ? null : dirname(join(parts.slice(0, first).join("/"), "/", "_"));
}

function noMatch(pattern: string): AnnealError {
  return new AnnealError(
    "DATASET_NOT_FOUND",
    `No file matches ${pattern}.`,
    "Check the pattern; relative ones belong to the recipe's directory, and must be made absolute there.",
    { path: pattern, reason: "no file matches" },
  );
}
