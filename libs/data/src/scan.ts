import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fromRecord } from "@anneal/contracts";
import { createReader, touchCached, writeCached } from "@anneal/sources";
import { Piscina } from "piscina";
import { maxNamed, placeOfBad, verdict } from "./bad-records.ts";
import type { ChainHandles } from "./chain.ts";
import { numFeedThreads } from "./num-threads.ts";
import type { ScanResult, ScanTask, ScanThreadData } from "./scan-thread.ts";
import type { TransformReference } from "./transform.ts";
import { type SampleAtWork, untilHung } from "./until-hung.ts";

/** Samples of one task: enough that a message between threads costs nothing beside them. */
const taskSize = 256;
/** The threads must not be asked to hold more samples than they read at once. */
const maxTaskBytes = 1 << 24;

export interface ScanOptions {
  readonly chain: ChainHandles;
  readonly predicate: TransformReference | null;
  readonly numSamples: number;
  /** Indices in the source; null for all. */
  readonly indices: Uint32Array | null;
  readonly onBadRecord: "fail" | "skip";
  /** Where verdicts are kept, and what they are of: content of the source, what was selected before, transforms, predicate. */
  readonly cacheDirectory: string;
  readonly digest: string;
  /** Bytes of a sample as the source gives it. */
  readonly sampleBytes: number;
  readonly sampleTimeoutMs: number;
}

/** What became of each sample, in their order. */
export interface Scan {
  readonly kept: Uint8Array;
  readonly numBad: number;
  /** Where the first few bad ones are. */
  readonly places: readonly string[];
}

/**
 * Looks at all samples, in a pool of threads: which a predicate keeps, and which are bad. The verdicts are kept in the cache directory.
 *
 * @throws AnnealError of the first bad sample where it is to fail; TRANSFORM_FAILED for a transform that draws random numbers
 *   before the predicate; TRANSFORM_HUNG
 */
export async function scanSamples(options: ScanOptions): Promise<Scan> {
  const path = join(options.cacheDirectory, "data", "scans", options.digest);
  const known = await readScan(path, options.numSamples);
  // Where a bad sample is to fail, its error is told anew.
  if (known !== null && (known.numBad === 0 || options.onBadRecord === "skip")) {
    await touchCached(`${path}.json`, `${path}.bin`);
    return known;
  }
  const scan = await runScan(options);
  await writeScan(path, scan);
  return scan;
}

async function runScan({ chain, predicate, numSamples, indices, onBadRecord, ...options }: ScanOptions) {
  const verdicts = new SharedArrayBuffer(Math.max(1, numSamples));
  const threadData: ScanThreadData = { chain, predicate, indices, verdicts };
  const pool = new Piscina<ScanTask, ScanResult>({
    filename: new URL("./scan-thread.ts", import.meta.url).href,
    minThreads: 1,
    maxThreads: numFeedThreads(),
    workerData: threadData,
  });
  try {
    const size = Math.max(1, Math.min(taskSize, Math.floor(maxTaskBytes / Math.max(1, options.sampleBytes))));
    const places: string[] = [];
    const tasks = Array.from({ length: Math.ceil(numSamples / size) }, (_, task) => task * size);
    const judging = Promise.all(
      tasks.map(async (start) => {
        const { bad, failure } = await pool.run({ start, end: Math.min(numSamples, start + size) });
        const fatal = failure ?? (onBadRecord === "fail" ? bad[0] : undefined);
        if (fatal) throw fromRecord(fatal);
        return bad.map(placeOfBad);
      }),
    );
    const results = await untilHung(judging, {
      doing: "looks through the samples",
      atWork: () => samplesAtWork(chain, indices, verdicts),
      timeoutMs: options.sampleTimeoutMs,
    });
    places.push(...results.flat().slice(0, maxNamed));
    return toScan(new Uint8Array(verdicts).slice(0, numSamples), places);
  } finally {
    await pool.destroy();
  }
}

function samplesAtWork(
  { source }: ChainHandles,
  indices: Uint32Array | null,
  verdicts: SharedArrayBuffer,
): readonly SampleAtWork[] {
  const states = new Uint8Array(verdicts);
  const found: SampleAtWork[] = [];
  for (let at = states.indexOf(verdict.judging); at >= 0; at = states.indexOf(verdict.judging, at + 1)) {
    const index = indices?.[at] ?? at;
    found.push({ index, place: () => createReader(source).placeOf(index) });
  }
  return found;
}

function toScan(verdicts: Uint8Array, places: readonly string[]): Scan {
  const numBad = verdicts.reduce((count, state) => count + (state === verdict.bad ? 1 : 0), 0);
  return { kept: verdicts.map((state) => (state === verdict.kept ? 1 : 0)), numBad, places };
}

interface StoredScan {
  readonly numSamples: number;
  readonly numBad: number;
  readonly places: readonly string[];
  readonly sha256: string;
}

/** Null for what is not there, or damaged: then it is made again. */
async function readScan(path: string, numSamples: number): Promise<Scan | null> {
  try {
    const { numBad, places, sha256, ...stored } = JSON.parse(await readFile(`${path}.json`, "utf8")) as StoredScan;
    const kept = new Uint8Array(await readFile(`${path}.bin`));
    const isWhole = stored.numSamples === numSamples && kept.length === numSamples && sha256 === hashOf(kept);
    return isWhole ? { kept, numBad, places } : null;
  } catch {
    return null;
  }
}

/** A scan that cannot be kept is made again next time. */
async function writeScan(path: string, { kept, numBad, places }: Scan): Promise<void> {
  const stored: StoredScan = { numSamples: kept.length, numBad, places, sha256: hashOf(kept) };
  try {
    await writeCached(`${path}.bin`, kept);
    await writeCached(`${path}.json`, JSON.stringify(stored));
  } catch {}
}

function hashOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
