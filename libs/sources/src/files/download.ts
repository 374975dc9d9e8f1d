import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout } from "node:timers/promises";
import { AnnealError } from "@anneal/contracts";
import { noteUse } from "../cache/uses.ts";
import { datasetNotFound, diskFull } from "../errors.ts";
import { isAlive } from "./processes.ts";

interface DownloadOptions {
  readonly cacheDirectory: string;
  /** What the content must hash to (hex); null takes any. */
  readonly sha256: string | null;
  readonly signal?: AbortSignal;
}

/** A connection that breaks is taken up again, so many times without anything new coming in. */
const maxAttempts = 4;
const firstPauseMs = 250;
/** A server that says nothing for so long is asked again. */
const silenceMs = 30_000;

/** Downloads of this process by where they go: a file that is wanted twice is fetched once. */
const underWay = new Map<string, Promise<string>>();

/**
 * The path of a file of the web in `<cacheDirectory>/downloads`, fetched unless it is there. A download that was cut off goes on
 * where it stopped, now or in a later process, if the server still has the same content. Only what is whole gets its final name.
 *
 * Throws `DATASET_NOT_FOUND` for an answer 4xx, `DOWNLOAD_FAILED` for anything else that does not mend itself within a few
 * attempts, `HASH_MISMATCH` for content with another hash than `sha256`.
 */
export function download(url: string, options: DownloadOptions): Promise<string> {
  const key = createHash("sha256").update(`${url}\n${options.sha256}`).digest("hex").slice(0, 24);
  // The end of its name says what the file is.
  const name = basename(new URL(url).pathname).replaceAll(/[^\w.-]/g, "_") || "data";
  const target = join(options.cacheDirectory, "downloads", `${key}-${name}`);
  let fetching = underWay.get(target);
  if (fetching === undefined) {
    fetching = downloadTo(target, url, options).finally(() => underWay.delete(target));
    underWay.set(target, fetching);
  }
  return fetching;
}

async function downloadTo(
  target: string,
  url: string,
  { cacheDirectory, sha256, signal }: DownloadOptions,
): Promise<string> {
  await noteUse(cacheDirectory, target);
  if ((await sizeOf(target)) > 0) return target;
  const partial = await claimPartial(target);
  const content = join(partial, "content");
  for (let attempt = 1, before = 0; ; attempt += 1) {
    try {
      await fetchRest(url, partial, signal);
      break;
    } catch (cause) {
      signal?.throwIfAborted();
      if (cause instanceof AnnealError) throw cause;
      const full = diskFull(partial, cause);
      if (full !== null) throw full;
      const now = await sizeOf(content);
      if (now > before) attempt = 1;
      before = now;
      if (attempt >= maxAttempts) throw downloadFailed(url, cause);
      await setTimeout(firstPauseMs * 2 ** attempt, undefined, signal === undefined ? {} : { signal });
    }
  }
  if (sha256 !== null) {
    const found = await sha256Of(content);
    if (found !== sha256.toLowerCase()) {
      await rm(partial, { recursive: true, force: true });
      throw hashMismatch(url, sha256, found);
    }
  }
  await rename(content, target);
  await rm(partial, { recursive: true, force: true });
  return target;
}

/**
 * The directory in which this process gathers a file: one that a dead process left, if there is such, else a new one. A rename
 * has one winner, so that no two processes write the same.
 */
async function claimPartial(target: string): Promise<string> {
  const own = `${target}.${process.pid}.partial`;
  const directory = join(target, "..");
  await mkdir(directory, { recursive: true });
  for (const name of await readdir(directory)) {
    const pid = name.startsWith(`${basename(target)}.`) ? /\.(\d+)\.partial$/.exec(name)?.[1] : undefined;
    if (pid === undefined || isAlive(Number(pid))) continue;
    await rename(join(directory, name), own).catch(() => undefined);
  }
  await mkdir(own, { recursive: true });
  return own;
}

/** Adds what is missing to the content of a partial download. Any other than an `AnnealError` may pass by itself. */
async function fetchRest(url: string, partial: string, signal: AbortSignal | undefined): Promise<void> {
  const content = join(partial, "content");
  const validatorPath = join(partial, "validator");
  const validator = await readFile(validatorPath, "utf8").catch(() => "");
  // Without a name for its version nothing says that the rest would belong to what is here.
  const start = validator === "" ? 0 : await sizeOf(content);
  // What `content-length` counts must be what is written: no compression on the way.
  const headers = new Headers({ "accept-encoding": "identity" });
  if (start > 0) {
    headers.set("range", `bytes=${start}-`);
    headers.set("if-range", validator);
  }
  const silence = new AbortController();
  const timer = globalThis.setTimeout(() => silence.abort(new Error("the server fell silent")), silenceMs);
  try {
    const response = await fetch(url, {
      headers,
      signal: AbortSignal.any([silence.signal, ...(signal === undefined ? [] : [signal])]),
    });
    // All of it was here already.
    if (response.status === 416 && response.headers.get("content-range") === `bytes */${start}`) return;
    requireContent(url, response);
    const goesOn = response.status === 206;
    const range = response.headers.get("content-range");
    if (goesOn && !range?.startsWith(`bytes ${start}-`))
      throw new Error(`the server answers with the wrong part: ${range}`);
    if (!goesOn) await writeFile(validatorPath, strongValidator(response));
    const expected = Number(response.headers.get("content-length") ?? Number.NaN);
    const at = goesOn ? start : 0;
    await pipeline(
      Readable.fromWeb(response.body! as never),
      async function* (chunks: AsyncIterable<Uint8Array>) {
        for await (const chunk of chunks) {
          timer.refresh();
          yield chunk;
        }
      },
      createWriteStream(content, goesOn ? { flags: "a" } : {}),
    );
    const received = (await sizeOf(content)) - at;
    if (Number.isFinite(expected) && received !== expected) {
      throw new Error(`the connection ended after ${received} of ${expected} bytes`);
    }
  } finally {
    clearTimeout(timer);
  }
}

function requireContent(url: string, response: Response): void {
  if (response.ok) return;
  const reason = `the server answers ${response.status} ${response.statusText}`.trim();
  // These pass: a time-out, too many requests.
  if (response.status < 500 && ![408, 429].includes(response.status)) throw datasetNotFound(url, new Error(reason));
  throw new Error(reason);
}

/** What the server calls this version of the content; empty where it says nothing that a later request could rely on. */
function strongValidator({ headers }: Response): string {
  const etag = headers.get("etag");
  if (etag !== null && !etag.startsWith("W/")) return etag;
  return headers.get("last-modified") ?? "";
}

async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(() => null))?.size ?? 0;
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}

function downloadFailed(url: string, cause: unknown): AnnealError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new AnnealError(
    "DOWNLOAD_FAILED",
    `${url} cannot be fetched: ${reason}`,
    "Check the connection and start again: what has come in is kept.",
    { url, reason },
    { cause },
  );
}

function hashMismatch(url: string, expected: string, found: string): AnnealError {
  return new AnnealError(
    "HASH_MISMATCH",
    `${url} has the sha256 ${found}, not ${expected}.`,
    "The content changed or was damaged on the way: start again, or give the hash of the content that you want.",
    { url, expected, found },
  );
}
