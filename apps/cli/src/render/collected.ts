import type { CacheKind, CollectedEntry } from "@anneal/sources";
import type { Collected } from "../runs/collect.ts";
import { formatTable } from "./table.ts";
import { formatBytes, formatTime } from "./values.ts";

/** What `gc` took of each run. */
export function formatCollectedRuns(runs: readonly Collected[], dryRun: boolean): string {
  if (runs.length === 0) return dryRun ? "runs: nothing to remove" : "runs: nothing was to be removed";
  const rows = runs.map(({ runId, checkpoints, leftovers, numBytes }) => [
    runId,
    String(checkpoints.length),
    String(leftovers.length),
    numBytes === null ? "" : formatBytes(numBytes),
  ]);
  return formatTable(["run", "checkpoints", "leftovers", dryRun ? "" : "freed"], rows);
}

/** Of these there are many, and each is small: they share a row. */
const sharedRows: readonly (readonly [CacheKind, string])[] = [
  ["verdicts", "of filters and looks through data"],
  ["hashes", "of files"],
  ["leftover", "of processes that were killed"],
];

/** What the cache keeps of data: all of it, and what `gc` took. */
export function formatCollectedCache(directory: string, entries: readonly CollectedEntry[], dryRun: boolean): string {
  if (entries.length === 0) return `data in the cache (${directory}): none`;
  const removed = entries.filter(({ isRemoved }) => isRemoved);
  const facts = [
    formatBytes(bytesOf(entries)),
    `${formatBytes(bytesOf(removed))} ${dryRun ? "to be removed" : "removed"}`,
  ];
  const isShared = ({ kind }: CollectedEntry) => sharedRows.some(([shared]) => shared === kind);
  const own = entries.filter((entry) => !isShared(entry)).map((entry) => rowOf(entry, dryRun));
  const shared = sharedRows.flatMap(([kind, what]) => {
    const some = entries.filter((entry) => entry.kind === kind);
    return some.length === 0 ? [] : [sharedRow(kind, what, some, dryRun)];
  });
  return [
    `data in the cache (${directory}): ${facts.join(", ")}`,
    formatTable(["what", "name", "size", "last used", ""], [...own, ...shared]),
  ].join("\n");
}

function rowOf({ kind, path, numBytes, lastUsedAt, isInUse, isRemoved }: CollectedEntry, dryRun: boolean): string[] {
  const what = isRemoved ? removedWord(dryRun) : isInUse ? "in use" : "";
  return [kind, nameOf(kind, path), formatBytes(numBytes), formatTime(new Date(lastUsedAt)), what];
}

function sharedRow(kind: string, what: string, entries: readonly CollectedEntry[], dryRun: boolean): string[] {
  const numRemoved = entries.filter(({ isRemoved }) => isRemoved).length;
  const lastUsedAt = Math.max(...entries.map((entry) => entry.lastUsedAt));
  const gone = numRemoved === 0 ? "" : `${numRemoved} of ${entries.length} ${removedWord(dryRun)}`;
  return [kind, what, formatBytes(bytesOf(entries)), formatTime(new Date(lastUsedAt)), gone];
}

/** Without folder, and without what only tells equal names apart. */
function nameOf(kind: CacheKind, path: string): string {
  const name = path.slice(path.lastIndexOf("/") + 1);
  return kind === "download" ? name.replace(/^[0-9a-f]{24}-/, "") : name.slice(0, 16);
}

function removedWord(dryRun: boolean): string {
  return dryRun ? "to be removed" : "removed";
}

function bytesOf(entries: readonly CollectedEntry[]): number {
  return entries.reduce((sum, { numBytes }) => sum + numBytes, 0);
}
