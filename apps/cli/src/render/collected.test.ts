import type { CollectedEntry } from "@anneal/sources";
import { expect, test } from "vitest";
import { formatCollectedCache, formatCollectedRuns } from "./collected.ts";

const lastUsedAt = new Date(2026, 10, 24, 3, 12, 45).getTime();
const entry = (entry: Partial<CollectedEntry> & Pick<CollectedEntry, "kind" | "path">): CollectedEntry => ({
  numBytes: 2_000_000,
  lastUsedAt,
  isInUse: false,
  isRemoved: false,
  ...entry,
});

test("all data in the cache is shown, what is small in one row, and what becomes of it", () => {
  const entries = [
    entry({ kind: "download", path: "downloads/0123456789abcdef01234567-a.csv", isRemoved: true }),
    entry({ kind: "converted", path: `data/${"3f".repeat(32)}`, numBytes: 1.2e9, isInUse: true }),
    entry({ kind: "verdicts", path: "data/scans/a.json", isRemoved: true }),
    entry({ kind: "verdicts", path: "data/scans/b.json" }),
  ];
  const lines = formatCollectedCache("/cache", entries, false).split("\n");
  expect(lines[0]).toBe("data in the cache (/cache): 1.2 GB, 4.0 MB removed");
  expect(lines.slice(3).map((line) => line.split(/ {2,}/))).toEqual([
    ["download", "a.csv", "2.0 MB", "2026-11-24 03:12:45", "removed"],
    ["converted", "3f3f3f3f3f3f3f3f", "1.2 GB", "2026-11-24 03:12:45", "in use"],
    ["verdicts", "of filters and looks through data", "4.0 MB", "2026-11-24 03:12:45", "1 of 2 removed"],
  ]);
  expect(formatCollectedCache("/cache", entries, true)).toContain("4.0 MB to be removed");
});

test("where there is nothing, that is said", () => {
  expect(formatCollectedCache("/cache", [], false)).toBe("data in the cache (/cache): none");
  expect(formatCollectedRuns([], true)).toBe("runs: nothing to remove");
});
