import { createReader, RandomStream, type SampleReader, type TypedArray } from "@anneal/sources";
import type { Chain } from "./chain.ts";
import type { Draw } from "./draws.ts";
import type { OpenDataset, OpenPart } from "./open.ts";
import { SampleCache } from "./sample-cache.ts";
import type { Stage } from "./stage.ts";

interface PartMaker {
  readonly part: OpenPart;
  readonly chain: Chain;
  /** Of a stream that of the item in work. */
  reader: SampleReader;
  readonly cache: SampleCache | null;
}

/** Makes samples of a data set from what its sources hold: one for each task that a thread works on at a time. */
export class SampleMaker {
  readonly #parts: readonly PartMaker[];
  readonly #stage: Stage | null;
  readonly #random = new RandomStream("sample", 0, 0, 0);
  #draws: readonly Draw[] = [];
  /** Place of each draw among those that its reader has loaded; -1 for one that the cache has. */
  #loaded = new Int32Array();

  /**
   * @param chains those of the data set's parts; they may be shared by the makers of a thread
   * @param stage where the samples are, if they are a stream's
   */
  constructor({ parts }: OpenDataset, chains: readonly Chain[], stage: Stage | null) {
    this.#stage = stage;
    this.#parts = parts.map((part, at) => ({
      part,
      chain: chains[at]!,
      reader: stage === null ? createReader(part.source) : stage.readerOf(0),
      cache: part.cache === null ? null : new SampleCache(part.cache),
    }));
  }

  /** The samples that follow are of this item. */
  begin(item: number): void {
    if (this.#stage !== null) this.#parts[0]!.reader = this.#stage.readerOf(item);
  }

  /** Reads what is needed for these samples. Nothing to wait for where all is in memory. */
  load(draws: readonly Draw[]): void | Promise<void> {
    this.#draws = draws;
    this.#loaded = new Int32Array(draws.length);
    const wanted = this.#parts.map(() => new Uint32Array(draws.length));
    const counts = this.#parts.map(() => 0);
    for (let k = 0; k < draws.length; k++) {
      const { part, rank, index } = draws[k]!;
      if (this.#parts[part]!.cache?.has(rank)) {
        this.#loaded[k] = -1;
        continue;
      }
      const at = counts[part]!++;
      wanted[part]![at] = index;
      this.#loaded[k] = at;
    }
    const loading = counts.flatMap((count, part) => {
      const indices = wanted[part]!.subarray(0, count);
      return count === 0 ? [] : (this.#parts[part]!.reader.load(indices) ?? []);
    });
    if (loading.length > 0) return Promise.all(loading).then(() => undefined);
  }

  /**
   * Writes the k-th of the samples that were loaded: its input into `target`, its label into `labels` from `labelAt` on.
   *
   * @throws AnnealError BAD_RECORD, TRANSFORM_FAILED
   */
  make(k: number, target: TypedArray, labels: TypedArray, labelAt: number): void {
    const { part, rank, index, seed, pass } = this.#draws[k]!;
    const { chain, reader, cache, part: opened } = this.#parts[part]!;
    const at = this.#loaded[k]!;
    const to = opened.transforms.length;
    const placeOf = (sample: number) => reader.placeOf(sample);
    const random = this.#random;
    random.reseed("sample", seed, pass, index);
    if (at < 0) {
      const { input, label } = cache!.get(rank);
      chain.run(input, { from: cache!.numTransforms, to, random, target }, index, placeOf);
      labels.set(label, labelAt);
      return;
    }
    const failure = reader.failureOf(at);
    if (failure !== null) throw failure;
    let input = reader.input(at);
    let from = 0;
    if (cache !== null) {
      from = cache.numTransforms;
      input = chain.run(input, { from: 0, to: from, random: null }, index, placeOf);
      cache.put(rank, input, (kept) => reader.readLabel(at, kept, 0));
    }
    chain.run(input, { from, to, random, target }, index, placeOf);
    reader.readLabel(at, labels, labelAt);
  }
}
