import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { storedData } from "../records/stored-data.ts";
import type { CacheEntry } from "./cache-entries.ts";
import { type CollectCacheOptions, collectCache, selectUnneeded } from "./collect-cache.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "anneal-cache-"));
});
afterEach(() => rmSync(root, { recursive: true }));

const dayMs = 86_400_000;
const context = () => ({ cacheDirectory: root, memoryBytes: 0, onBadRecord: "fail" as const });
const collect = (options: Partial<CollectCacheOptions> = {}) =>
  collectCache(root, { unusedMs: 30 * dayMs, maxBytes: null, dryRun: false, ...options });

/** A file of the cache that was last used so many days ago. */
function file(path: string, numBytes: number, days: number): void {
  mkdirSync(join(root, path, ".."), { recursive: true });
  writeFileSync(join(root, path), Buffer.alloc(numBytes));
  const time = Date.now() / 1_000 - days * 86_400;
  utimesSync(join(root, path), time, time);
}

/** A process that converts data, or finds it, and lives on until it is killed. */
async function openElsewhere(digest: string): Promise<AsyncDisposable> {
  const script = join(import.meta.dirname, "../test-support/open-stored.ts");
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", script, root, digest], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  return {
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await once(child, "exit");
    },
  };
}

test("tells of everything, and removes what was not used for long", async () => {
  file("downloads/new-a.csv", 10, 1);
  file("downloads/old-b.csv", 20, 31);
  file("data/scans/one.json", 3, 40);
  file("data/scans/one.bin", 4, 40);
  file("data/hashes/two.json", 5, 2);
  const expected = [
    ["downloads/new-a.csv", "download", 10, false],
    ["data/hashes/two.json", "hashes", 5, false],
    ["downloads/old-b.csv", "download", 20, true],
    ["data/scans/one.bin", "verdicts", 4, true],
    ["data/scans/one.json", "verdicts", 3, true],
  ];
  const shown = (entries: Awaited<ReturnType<typeof collect>>) =>
    entries
      .map(({ path, kind, numBytes, isRemoved }) => [path, kind, numBytes, isRemoved])
      .sort((a, b) => expected.findIndex(([path]) => path === a[0]) - expected.findIndex(([path]) => path === b[0]));
  expect(shown(await collect({ dryRun: true }))).toEqual(expected);
  expect(readdirSync(join(root, "downloads"))).toHaveLength(2);
  expect(shown(await collect())).toEqual(expected);
  expect(readdirSync(join(root, "downloads"))).toEqual(["new-a.csv"]);
  expect(readdirSync(join(root, "data/scans"))).toEqual([]);
  expect((await collect()).map(({ path }) => path)).toEqual(["downloads/new-a.csv", "data/hashes/two.json"]);
});

test("what a living process has opened stays, whatever its age; when that ends it goes, and is made again for the next", async () => {
  {
    await using _other = await openElsewhere("abc");
    const [kept] = await collect({ unusedMs: 0, maxBytes: 0 });
    expect(kept).toMatchObject({ path: "data/abc", isInUse: true, isRemoved: false });
    expect(existsSync(join(root, "data/abc/meta.json"))).toBe(true);
  }
  const [left] = await collect({ unusedMs: dayMs });
  expect(left).toMatchObject({ isInUse: false, isRemoved: false });
  const [removed] = await collect({ maxBytes: 0 });
  expect(removed).toMatchObject({ path: "data/abc", isRemoved: true });
  expect(readdirSync(join(root, "data"))).toEqual([]);
  expect(readdirSync(join(root, "uses/data"))).toEqual([]);
  let isMade = false;
  await storedData("abc", context(), async () => {
    isMade = true;
    return {};
  });
  expect(isMade).toBe(true);
});

test("what is found again was used again, though nothing was written to it", async () => {
  const open = () => storedData("abc", context(), async () => ({}));
  await open();
  const time = Date.now() / 1_000 - 40 * 86_400;
  for (const path of [join(root, "data/abc"), join(root, "data/abc/meta.json")]) utimesSync(path, time, time);
  const [mark] = readdirSync(join(root, "uses/data/abc"));
  utimesSync(join(root, "uses/data/abc", mark!), time, time);
  expect((await collect({ dryRun: true }))[0]!.lastUsedAt).toBeLessThan(Date.now() - 39 * dayMs);
  await open();
  expect((await collect({ dryRun: true }))[0]!.lastUsedAt).toBeGreaterThan(Date.now() - dayMs);
});

test("what a process left that died while it wrote goes at once, what a living one is writing stays", async () => {
  const names = (pid: number) => [`data/x.${pid}-0123abcd.tmp/bytes`, `downloads/y.csv.${pid}.partial/content`];
  for (const path of [...names(4_194_305), ...names(process.pid)]) file(path, 10, 0);
  const removed = (await collect()).filter(({ isRemoved }) => isRemoved).map(({ path }) => path);
  // A download goes on where it stopped, so that its beginning is kept as long as anything else.
  expect(removed).toEqual(["data/x.4194305-0123abcd.tmp"]);
  expect(readdirSync(join(root, "data"))).toEqual([`x.${process.pid}-0123abcd.tmp`]);
  expect(readdirSync(join(root, "downloads"))).toHaveLength(2);
});

test("beyond a size what was used longest ago goes first, after what is of no use", () => {
  const entry = (path: string, numBytes: number, days: number, more: Partial<CacheEntry> = {}): CacheEntry => ({
    kind: "converted",
    path,
    numBytes,
    lastUsedAt: -days * dayMs,
    isInUse: false,
    ...more,
  });
  const entries = [
    entry("new", 10, 0),
    entry("week", 20, 7),
    entry("day", 30, 1),
    entry("busy", 40, 20, { isInUse: true }),
    entry("leftover", 1, 0, { kind: "leftover" }),
  ];
  const select = (maxBytes: number | null, unusedMs = 30 * dayMs) =>
    selectUnneeded(entries, { unusedMs, maxBytes }, 0).map(({ path }) => path);
  expect(select(null)).toEqual(["leftover"]);
  expect(select(100)).toEqual(["leftover"]);
  expect(select(99)).toEqual(["leftover", "week"]);
  expect(select(60)).toEqual(["leftover", "week", "day"]);
  expect(select(0)).toEqual(["leftover", "week", "day", "new"]);
  expect(select(null, 2 * dayMs)).toEqual(["leftover", "week"]);
});

test("without a cache there is nothing", async () => {
  expect(await collectCache(join(root, "none"), { unusedMs: 0, maxBytes: 0, dryRun: false })).toEqual([]);
});
