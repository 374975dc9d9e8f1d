import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { tableSource } from "../table/declaration.ts";
import { openTable } from "../table/table-source.ts";
import { readSamples } from "../test-support/read-samples.ts";
import { download } from "./download.ts";
import { findFiles } from "./find-files.ts";

const content = randomBytes(300_000);
const sha256 = createHash("sha256").update(content).digest("hex");
const root = mkdtempSync(join(tmpdir(), "anneal-download-"));

/** What the server does with the requests that come, one after another; the last is done again. */
let answers: ((request: IncomingMessage, response: ServerResponse) => void)[] = [];
/** The range that each request asked for. */
const ranges: (string | undefined)[] = [];
const server = createServer((request, response) => {
  ranges.push(request.headers.range);
  (answers.length > 1 ? answers.shift()! : answers[0]!)(request, response);
});
let origin = "";
beforeAll(async () => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(() => {
  ranges.length = 0;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
  rmSync(root, { recursive: true });
});

let numCaches = 0;
function newCache(): string {
  numCaches += 1;
  return join(root, `cache-${numCaches}`);
}

/** Answers with what is asked for of `bytes`; stops after `stopAfter` bytes by closing the connection. */
function serve(bytes: Buffer, options: { etag?: string; stopAfter?: number; ignoresRanges?: boolean } = {}) {
  return ({ headers }: IncomingMessage, response: ServerResponse) => {
    const { etag, stopAfter = Number.POSITIVE_INFINITY, ignoresRanges = false } = options;
    const asked = Number(/^bytes=(\d+)-$/.exec(headers.range ?? "")?.[1] ?? 0);
    const goesOn = asked > 0 && !ignoresRanges && headers["if-range"] === etag;
    const start = goesOn ? asked : 0;
    const rest = bytes.subarray(start);
    response.writeHead(goesOn ? 206 : 200, {
      "content-length": rest.length,
      ...(etag === undefined ? {} : { etag }),
      ...(goesOn ? { "content-range": `bytes ${start}-${bytes.length - 1}/${bytes.length}` } : {}),
    });
    if (rest.length <= stopAfter) response.end(rest);
    else response.write(rest.subarray(0, stopAfter), () => setTimeout(() => response.destroy(), 50));
  };
}

const partials = (cache: string) => readdirSync(join(cache, "downloads")).filter((name) => name.endsWith(".partial"));

test("a file is fetched once, by however many at a time, and keeps its end", async () => {
  answers = [serve(content)];
  const cacheDirectory = newCache();
  const options = { cacheDirectory, sha256: null };
  const url = `${origin}/some/images.tar.gz?version=2`;
  const paths = await Promise.all([download(url, options), download(url, options)]);
  expect(paths[0]).toBe(paths[1]);
  expect(paths[0]).toMatch(/images\.tar\.gz$/);
  expect(readFileSync(paths[0]!).equals(content)).toBe(true);
  expect(await download(url, options)).toBe(paths[0]);
  expect(ranges).toHaveLength(1);
  expect(partials(cacheDirectory)).toEqual([]);
  await download(`${origin}/some/images.tar.gz?version=3`, options);
  expect(ranges).toHaveLength(2);
});

test("what was cut off goes on where it stopped, while the server has the same", async () => {
  const options = { etag: '"1"' };
  answers = [
    serve(content, { ...options, stopAfter: 100_000 }),
    serve(content, { ...options, stopAfter: 50_000 }),
    serve(content, options),
  ];
  const path = await download(`${origin}/cut`, { cacheDirectory: newCache(), sha256 });
  expect(readFileSync(path).equals(content)).toBe(true);
  expect(ranges).toEqual([undefined, "bytes=100000-", "bytes=150000-"]);
});

test("what changed meanwhile begins anew; so does what has no name for its version", async () => {
  const other = randomBytes(200_000);
  answers = [serve(content, { etag: '"1"', stopAfter: 100_000 }), serve(other, { etag: '"2"' })];
  const changed = await download(`${origin}/changed`, { cacheDirectory: newCache(), sha256: null });
  expect(readFileSync(changed).equals(other)).toBe(true);
  answers = [serve(content, { stopAfter: 100_000 }), serve(content)];
  const unnamed = await download(`${origin}/unnamed`, { cacheDirectory: newCache(), sha256: null });
  expect(readFileSync(unnamed).equals(content)).toBe(true);
  expect(ranges.at(-1)).toBeUndefined();
  answers = [serve(content, { etag: '"1"', stopAfter: 100_000 }), serve(content, { etag: '"1"', ignoresRanges: true })];
  const whole = await download(`${origin}/whole`, { cacheDirectory: newCache(), sha256 });
  expect(readFileSync(whole).equals(content)).toBe(true);
});

test("a later process goes on with what a dead one left", async () => {
  const cacheDirectory = newCache();
  answers = [serve(content, { etag: '"1"', stopAfter: 100_000 })];
  const signal = AbortSignal.timeout(400);
  await expect(download(`${origin}/left`, { cacheDirectory, sha256, signal })).rejects.toThrow();
  const [left] = partials(cacheDirectory);
  // No process has this number: it is beyond what Linux gives.
  renameSync(
    join(cacheDirectory, "downloads", left!),
    join(cacheDirectory, "downloads", left!.replace(/\d+\.partial$/, "4194305.partial")),
  );
  ranges.length = 0;
  answers = [serve(content, { etag: '"1"' })];
  const path = await download(`${origin}/left`, { cacheDirectory, sha256 });
  expect(readFileSync(path).equals(content)).toBe(true);
  expect(ranges[0]).toMatch(/^bytes=[1-9]\d*-$/);
  expect(partials(cacheDirectory)).toEqual([]);
});

test("a server's bad moment passes", async () => {
  answers = [(_, response) => response.writeHead(503).end(), serve(content)];
  const path = await download(`${origin}/moment`, { cacheDirectory: newCache(), sha256 });
  expect(readFileSync(path).equals(content)).toBe(true);
});

test("what is not there, what is other content, and a server that does not answer", async () => {
  answers = [(_, response) => response.writeHead(404).end()];
  const cacheDirectory = newCache();
  await expect(download(`${origin}/absent`, { cacheDirectory, sha256: null })).rejects.toMatchObject({
    code: "DATASET_NOT_FOUND",
    facts: { path: `${origin}/absent`, reason: "the server answers 404 Not Found" },
  });
  answers = [serve(content)];
  const expected = "0".repeat(64);
  await expect(download(`${origin}/other`, { cacheDirectory, sha256: expected })).rejects.toMatchObject({
    code: "HASH_MISMATCH",
    facts: { expected, found: sha256 },
  });
  expect(partials(cacheDirectory).filter((name) => name.includes("other"))).toEqual([]);
  await expect(download("http://127.0.0.1:1/none", { cacheDirectory, sha256: null })).rejects.toMatchObject({
    code: "DOWNLOAD_FAILED",
  });
});

test("a table on the web is read like any other, by address or with its hash", async () => {
  const text = Buffer.from("n,y\n1,p\n2,q\n");
  answers = [serve(text)];
  const context = { cacheDirectory: newCache(), memoryBytes: 1 << 20, onBadRecord: "fail" } as const;
  const url = `${origin}/tables/some.csv`;
  const hash = createHash("sha256").update(text).digest("hex");
  const declarations = [url, { url, sha256: hash }].map((files) =>
    tableSource({ files, columns: { n: "number" }, label: "y" }),
  );
  for (const declaration of declarations) {
    const source = await openTable(declaration, context);
    expect(await readSamples(source, [1])).toEqual([{ input: [2], label: [1] }]);
  }
  expect((await findFiles([url], context))[0]!.name).toBe("some.csv");
});
