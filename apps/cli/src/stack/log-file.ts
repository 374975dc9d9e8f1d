import { closeSync, mkdirSync, openSync, readFileSync, renameSync, statSync } from "node:fs";
import { dirname } from "node:path";

const maxBytes = 16 * 1024 * 1024;

/** Opens a log for appending; one that has grown large becomes `<path>.1` first, so that logs never fill a disk. */
export function openLog(path: string): { readonly descriptor: number; close(): void } {
  mkdirSync(dirname(path), { recursive: true });
  if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) > maxBytes) renameSync(path, `${path}.1`);
  const descriptor = openSync(path, "a");
  return { descriptor, close: () => closeSync(descriptor) };
}

/** The last lines of a log, stack frames left out; an empty string when there is none. */
export function tailOf(path: string, numLines: number): string {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return "";
  }
  const lines = text.trimEnd().split("\n");
  return lines
    .filter((line) => !/^\s+at /.test(line))
    .slice(-numLines)
    .join("\n");
}
