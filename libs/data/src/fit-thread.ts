import { workerData } from "node:worker_threads";
import { type ErrorRecord, type Json, toAnnealError } from "@anneal/contracts";
import { createReader, RandomStream } from "@anneal/sources";
import { isOfSample } from "./bad-records.ts";
import { type ChainHandles, openChain } from "./chain.ts";
import { type Learner, loadLearner, type TransformReference, transformFailed } from "./transform.ts";

/** Samples of one source to learn from: as the transforms before make them. */
export interface FitPart {
  readonly chain: ChainHandles;
  readonly indices: Uint32Array | null;
  readonly numSamples: number;
  readonly onBadRecord: "fail" | "skip";
}

export interface FitThreadData {
  readonly reference: TransformReference;
  readonly parts: readonly FitPart[];
  /** Two numbers: the part that is learned from, and the index of the sample at work in its source; -1 for none. */
  readonly atWork: Int32Array;
}

export interface FitResult {
  readonly state: Json;
  readonly failure: ErrorRecord | null;
}

const loadTogether = 64;
const { reference, parts, atWork } = workerData as FitThreadData;

/** The one task: learns from all samples. */
export default async function fit(): Promise<FitResult> {
  try {
    const first = await openChain(parts[0]!.chain);
    const learner = await loadLearner(reference, first.fields.at(-1)!);
    for (const [at, part] of parts.entries()) {
      atWork[0] = at;
      await learnFrom(part, learner);
    }
    return { state: learner.state(), failure: null };
  } catch (cause) {
    return { state: null, failure: toAnnealError(cause).toRecord() };
  }
}

async function learnFrom(
  { chain: handles, indices, numSamples, onBadRecord }: FitPart,
  learner: Learner,
): Promise<void> {
  const chain = await openChain(handles);
  const reader = createReader(handles.source);
  // Of an augmentation before it, it sees the first epoch's.
  const random = new RandomStream("sample", 0, 0, 0);
  const run = { from: 0, to: handles.transforms.length, random };
  const placeOf = (index: number) => reader.placeOf(index);
  for (let start = 0; start < numSamples; start += loadTogether) {
    const loaded = Uint32Array.from(
      { length: Math.min(loadTogether, numSamples - start) },
      (_, k) => indices?.[start + k] ?? start + k,
    );
    await reader.load(loaded);
    loaded.forEach((index, k) => {
      random.reseed("sample", 0, 0, index);
      atWork[1] = index;
      try {
        const failure = reader.failureOf(k);
        if (failure !== null) throw failure;
        add(learner, chain.run(reader.input(k), run, index, placeOf), index);
      } catch (cause) {
        if (onBadRecord === "fail" || !isOfSample(toAnnealError(cause))) throw cause;
      }
    });
    atWork[1] = -1;
  }
}

function add(learner: Learner, sample: Parameters<Learner["add"]>[0], index: number): void {
  try {
    learner.add(sample);
  } catch (cause) {
    throw transformFailed(reference, index, cause);
  }
}
