import type { FeedFacts, FeedSetting } from "@anneal/contracts";
import { type FeedLimits, type FeedTuning, tuneFeed, untuned } from "@anneal/policy";
import { Ring, type RingHandles } from "./ring.ts";
import { readWaitStats } from "./ring-reader.ts";

interface Sums {
  readonly numSamples: number;
  readonly busyMs: number;
}

/** Measures a feed and sets it anew, every so often. */
export class FeedTuner {
  static readonly intervalMs = 250;
  readonly #handles: RingHandles;
  readonly #ring: Ring;
  readonly #limits: FeedLimits;
  #tuning: FeedTuning;
  #numParts = 0;
  #numChanges = 0;
  #why: string | null = null;
  #busyShare = 0;
  #before: Sums & {
    readonly atMs: number;
    readonly waitMs: number;
    readonly released: number;
    readonly numParts: number;
  };

  constructor(handles: RingHandles, setting: FeedSetting, limits: FeedLimits) {
    this.#handles = handles;
    this.#ring = new Ring(handles);
    this.#limits = limits;
    this.#tuning = untuned(setting);
    this.#before = this.#measure({ numSamples: 0, busyMs: 0 });
  }

  get setting(): FeedSetting {
    return this.#tuning.setting;
  }

  get facts(): Omit<FeedFacts, "numThreadDeaths"> {
    const [numChanges, why, busyShare] = [this.#numChanges, this.#why, this.#busyShare];
    return { ...this.setting, numChanges, why, busyShare };
  }

  countPart(): void {
    this.#numParts += 1;
  }

  look(sums: Sums): void {
    const before = this.#before;
    const now = this.#measure(sums);
    const engineWaitMs = now.waitMs - before.waitMs;
    const numParts = now.numParts - before.numParts;
    const isUsed = now.released > before.released || engineWaitMs > 0;
    // While a batch is waited for, the window goes on until there is something to judge by; while nobody takes any, it is not counted.
    if (!isUsed || numParts === 0) {
      if (this.#ring.numReady() > 0) this.#before = now;
      return;
    }
    this.#before = now;
    const windowMs = now.atMs - before.atMs;
    const busyMs = now.busyMs - before.busyMs;
    this.#busyShare = Math.min(1, busyMs / (windowMs * this.setting.numThreads));
    const measured = {
      windowMs,
      engineWaitMs: Math.min(windowMs, engineWaitMs),
      busyMs,
      numParts,
      numSamples: now.numSamples - before.numSamples,
      readyShare: this.#ring.numReady() / this.setting.batchesAhead,
    };
    this.#tuning = tuneFeed(this.#tuning, measured, this.#limits);
    const { why } = this.#tuning;
    if (why === null) return;
    this.#numChanges += 1;
    this.#why = why;
  }

  #measure(sums: Sums) {
    return {
      ...sums,
      atMs: performance.now(),
      waitMs: readWaitStats(this.#handles).totalMs,
      released: this.#ring.released,
      numParts: this.#numParts,
    };
  }
}
