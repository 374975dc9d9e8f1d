import { workerData } from "node:worker_threads";
import { type ErrorRecord, toAnnealError } from "@anneal/contracts";
import { createReader, numElements, RandomStream, type TypedArray, viewOf } from "@anneal/sources";
import { isOfSample, maxNamed, verdict } from "./bad-records.ts";
import { type ChainHandles, openChain } from "./chain.ts";
import { loadPredicate, type TransformReference, transformFailed } from "./transform.ts";

/** What every thread that looks through samples is started with. */
export interface ScanThreadData {
  readonly chain: ChainHandles;
  /** Null to find the bad ones only, with the transforms' random numbers of an epoch. */
  readonly predicate: TransformReference | null;
  readonly indices: Uint32Array | null;
  /** Bytes for the verdicts, one a sample. */
  readonly verdicts: SharedArrayBuffer;
}

export interface ScanTask {
  readonly start: number;
  readonly end: number;
}

export interface ScanResult {
  /** The first bad samples of the task. */
  readonly bad: readonly ErrorRecord[];
  /** No fault of a sample: a predicate that fails, randomness where there must be none. */
  readonly failure: ErrorRecord | null;
}

const { chain: handles, predicate, indices, verdicts } = workerData as ScanThreadData;
const states = new Uint8Array(verdicts);
const random = new RandomStream("sample", 0, 0, 0);
const labelLength = numElements(handles.labels.shape);
const label = viewOf(new ArrayBuffer(4 * labelLength), handles.labels.dtype, 0, labelLength);
const opening = open();

async function open() {
  const chain = await openChain(handles);
  const judge = predicate === null ? null : await loadPredicate(predicate, chain.fields.at(-1)!, handles.labels);
  return { chain, reader: createReader(handles.source), judge };
}

/** One task of the pool: judges the samples start .. end - 1. */
export default async function scan({ start, end }: ScanTask): Promise<ScanResult> {
  const { chain, reader, judge } = await opening;
  const bad: ErrorRecord[] = [];
  const indexed = Uint32Array.from({ length: end - start }, (_, k) => indices?.[start + k] ?? start + k);
  await reader.load(indexed);
  const placeOf = (index: number) => reader.placeOf(index);
  const inputOf = (index: number, k: number): TypedArray => {
    const failure = reader.failureOf(k);
    if (failure !== null) throw failure;
    random.reseed("sample", 0, 0, index);
    const run = { from: 0, to: handles.transforms.length, random: judge === null ? random : null };
    return chain.run(reader.input(k), run, index, placeOf);
  };
  for (let k = 0; k < indexed.length; k++) {
    const index = indexed[k]!;
    let input: TypedArray;
    states[start + k] = verdict.judging;
    try {
      input = inputOf(index, k);
    } catch (cause) {
      const record = toAnnealError(cause).toRecord();
      if (!isOfSample(record)) return { bad, failure: record };
      states[start + k] = verdict.bad;
      if (bad.length < maxNamed) bad.push(record);
      continue;
    }
    reader.readLabel(k, label, 0);
    try {
      states[start + k] = judge === null || judge(input, label) ? verdict.kept : verdict.dropped;
    } catch (cause) {
      return { bad, failure: transformFailed(predicate!, index, cause, placeOf(index)).toRecord() };
    }
  }
  return { bad, failure: null };
}
