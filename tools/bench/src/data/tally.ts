import type { BatchStatistics, DataReply, EpochTimes, RunRequest } from "./protocol.ts";

export type TallyResult = Omit<Extract<DataReply, { type: "ran" }>, "type">;

type Values = Float32Array | Int32Array | Uint8Array;

/** A consumer: is busy with each batch for as long as it was told, and keeps the times and, where they are asked for, the sums. */
export class Tally {
  readonly #request: Pick<RunRequest, "consumeMs" | "checks">;
  readonly #epochs: EpochTimes[] = [];
  readonly #batchSize: number;
  #sums: BatchSums;
  #statistics: BatchStatistics | null = null;
  #numSamples = 0;
  #waitMs = 0;
  #firstWaitMs: number | null = null;
  #startedAt: number;

  /** @param startedAt when the request came, in ms since the epoch of the clock: `timeOrigin + now()` */
  constructor(request: Pick<RunRequest, "consumeMs" | "checks">, startedAt: number, batchSize: number) {
    this.#request = request;
    this.#startedAt = startedAt;
    this.#batchSize = batchSize;
    this.#sums = new BatchSums(batchSize);
  }

  consume(inputs: () => Values, labels: () => Values, numSamples: number, waitedMs: number): void {
    const until = performance.now() + this.#request.consumeMs;
    this.#waitMs += waitedMs;
    this.#firstWaitMs ??= waitedMs;
    this.#numSamples += numSamples;
    if (this.#request.checks) this.#sums.add(inputs(), labels());
    // Busy, as a step is: whoever wants the processor meanwhile has one core less.
    while (performance.now() < until);
  }

  endEpoch(): void {
    const now = performance.timeOrigin + performance.now();
    this.#epochs.push({
      numSamples: this.#numSamples,
      elapsedMs: now - this.#startedAt,
      waitMs: this.#waitMs,
      firstWaitMs: this.#firstWaitMs ?? 0,
    });
    [this.#startedAt, this.#numSamples, this.#waitMs, this.#firstWaitMs] = [now, 0, 0, null];
    if (!this.#request.checks) return;
    this.#statistics = this.#sums.statistics;
    this.#sums = new BatchSums(this.#batchSize);
  }

  get result(): TallyResult {
    return { epochs: this.#epochs, statistics: this.#statistics };
  }
}

class BatchSums {
  readonly #batchSize: number;
  readonly #meanLabels: number[] = [];
  #numValues = 0;
  #sum = 0;
  #sumOfSquares = 0;
  #numLabels = 0;
  #sumOfLabels = 0;
  #sumOfSquaredLabels = 0;

  constructor(batchSize: number) {
    this.#batchSize = batchSize;
  }

  add(inputs: Values, labels: Values): void {
    let [sum, squares, ofLabels, ofSquaredLabels] = [0, 0, 0, 0];
    for (let i = 0; i < inputs.length; i += 1) {
      sum += inputs[i]!;
      squares += inputs[i]! ** 2;
    }
    for (const label of labels) {
      ofLabels += label;
      ofSquaredLabels += label ** 2;
    }
    this.#numValues += inputs.length;
    this.#sum += sum;
    this.#sumOfSquares += squares;
    this.#numLabels += labels.length;
    this.#sumOfLabels += ofLabels;
    this.#sumOfSquaredLabels += ofSquaredLabels;
    if (labels.length === this.#batchSize) this.#meanLabels.push(ofLabels / labels.length);
  }

  get statistics(): BatchStatistics {
    const mean = this.#sum / this.#numValues;
    const meanLabel = this.#sumOfLabels / this.#numLabels;
    return {
      numSamples: this.#numLabels,
      mean,
      std: Math.sqrt(this.#sumOfSquares / this.#numValues - mean ** 2),
      meanLabel,
      stdLabel: Math.sqrt(this.#sumOfSquaredLabels / this.#numLabels - meanLabel ** 2),
      labelSpread: deviation(this.#meanLabels),
    };
  }
}

function deviation(values: readonly number[]): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
}
