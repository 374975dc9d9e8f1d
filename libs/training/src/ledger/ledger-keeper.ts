import type { Ledger, LedgerMemory, LedgerTensors, ShadowLoss } from "@anneal/contracts";
import { freeUnusedMemory, peakRssBytes, residentMemory } from "@anneal/runtime";
import type { Batch, StepEngine, StepScalars, TrainedSums } from "../engine/step-engine.ts";
import type { LoopEngine } from "../loop/run-loop.ts";
import { type StepRecording, sumByFormat } from "./recording.ts";

/** The first calls of a session optimize, allocate and fill caches. */
const recordedCall = 20;
/** A loss in float32 costs about a third of a step. */
const shadowEverySteps = 500;
/** Times of the last calls: enough for a median. */
const maxTimes = 64;

export interface LedgerOptions {
  readonly engine: StepEngine;
  readonly batchSize: number;
  /** Of the run. */
  readonly totalSteps: number;
}

/** Where batches come from, as far as its memory is concerned. */
export interface BatchMemory {
  /** Of one batch's slot. */
  readonly slot: readonly Pick<LedgerTensors, "dtype" | "numBytes">[];
  readonly numSlots: number;
  /** Slots that hold a batch already: memory that was never written to takes no room. */
  readonly numFilled: () => number;
}

/** What a keeper has seen. */
export interface LedgerNews {
  readonly recorded: Omit<Ledger, "shadowLosses"> | null;
  readonly shadowLosses: readonly ShadowLoss[];
}

/**
 * Writes down what an engine really does while it trains: once in the life of a process it lets TensorFlow record a step of the
 * training itself, the same bits as without, and now and then it takes the loss of the next batch in float32 as well.
 */
export class LedgerKeeper {
  readonly #options: LedgerOptions;
  readonly #times: number[] = [];
  #numCalls = 0;
  #idleBytes: number | null = null;
  #recorded: LedgerNews["recorded"] = null;
  readonly #shadowLosses: ShadowLoss[] = [];

  constructor(options: LedgerOptions) {
    this.#options = options;
  }

  /** The engine as the loop drives it, on batches that come from this memory. */
  watch(memory: BatchMemory): LoopEngine {
    const { engine } = this.#options;
    return {
      trainBatches: (batches, scalars) => this.#train(batches, scalars, memory),
      evaluateBatch: (batch, step) => engine.evaluateBatch(batch, step),
      readState: () => engine.readState(),
    };
  }

  #train(batches: readonly Batch[], scalars: readonly StepScalars[], memory: BatchMemory): readonly TrainedSums[] {
    if (this.#numCalls === 0) {
      // What preparing left behind, several copies of the weights among it, is not what training needs.
      freeUnusedMemory();
      this.#idleBytes = idleBytes(memory);
    }
    this.#numCalls += 1;
    const { engine } = this.#options;
    const step = scalars[0]!.step;
    const isRecorded = this.#isRecorded(batches, step);
    const float32Loss = this.#wantsShadow(step, batches.length, isRecorded)
      ? engine.float32Loss(batches[0]!, step)
      : null;
    const before = residentMemory()?.totalBytes ?? 0;
    const startedAt = performance.now();
    const { sums, recording } = isRecorded
      ? engine.recordBatches(batches, scalars)
      : { sums: engine.trainBatches(batches, scalars), recording: null };
    const milliseconds = (performance.now() - startedAt) / batches.length;
    if (recording !== null) this.#enter(recording, step, milliseconds, before, memory);
    else if (batches[0]!.numSamples === this.#options.batchSize) this.#time(milliseconds);
    if (float32Loss !== null) this.#compare(step, sums[0]!, float32Loss);
    return sums;
  }

  /** What was recorded, and the shadow losses since the last time; nothing before a step was recorded. */
  takeNews(): LedgerNews {
    const recorded = this.#recorded;
    return { recorded, shadowLosses: recorded === null ? [] : this.#shadowLosses.splice(0) };
  }

  /** A step of the usual kind once all is in place, or the last one that there is. */
  #isRecorded(batches: readonly Batch[], step: number): boolean {
    if (this.#recorded !== null) return false;
    const { batchSize, totalSteps } = this.#options;
    const isLast = step + batches.length >= totalSteps;
    return isLast || (this.#numCalls >= recordedCall && batches[0]!.numSamples === batchSize);
  }

  #wantsShadow(step: number, numSteps: number, isRecorded: boolean): boolean {
    const next = Math.ceil(step / shadowEverySteps) * shadowEverySteps;
    return isRecorded || next < step + numSteps;
  }

  #time(milliseconds: number): void {
    this.#times.push(milliseconds);
    if (this.#times.length > maxTimes) this.#times.shift();
  }

  #compare(step: number, { sums, numSamples }: TrainedSums, float32Loss: number): void {
    const loss = (sums.loss ?? Number.NaN) / numSamples;
    const relativeDifference = Math.abs(loss - float32Loss) / Math.max(Math.abs(float32Loss), Number.MIN_VALUE);
    // JSON has no place for others.
    if (Number.isFinite(relativeDifference)) {
      this.#shadowLosses.push({ step, loss, float32Loss, relativeDifference });
    }
  }

  #enter(recording: StepRecording, step: number, milliseconds: number, before: number, memory: BatchMemory): void {
    const { precision, tensors, kernels, timeShares, products } = recording;
    const batches = memory.slot.map((slot) => {
      const numBytes = slot.numBytes * memory.numSlots;
      return { class: "batches" as const, dtype: slot.dtype, numBytes, bytesAtPeak: numBytes };
    });
    const all = sumByFormat([...tensors, ...batches]);
    const middle = this.#times.toSorted((a, b) => a - b)[Math.floor(this.#times.length / 2)];
    this.#recorded = {
      step,
      precision,
      ranIn: products.ranIn,
      productShare: products.share,
      exceptedShare: products.exceptedShare,
      timeShares: { ...timeShares },
      stepMilliseconds: middle ?? milliseconds,
      tensors: [...all],
      kernels: [...kernels],
      memory: this.#reconcile(all, recording.variableBytes, before),
    };
  }

  #reconcile(tensors: readonly LedgerTensors[], variableBytes: number, before: number): LedgerMemory | null {
    const now = residentMemory();
    if (now === null || this.#idleBytes === null) return null;
    const peakBytes = peakRssBytes();
    // A peak that is higher than before the step and after it is from earlier, when the step was traced and compiled: TensorFlow keeps
    // what it has given its tensors once.
    const measuredBytes = Math.max(before, now.totalBytes);
    const tensorBytes = tensors.reduce((sum, { bytesAtPeak }) => sum + bytesAtPeak, 0);
    const runtimeBytes = Math.max(0, this.#idleBytes - variableBytes) + now.fileBytes;
    const difference = (measuredBytes - runtimeBytes - tensorBytes) / measuredBytes;
    return { runtimeBytes, tensorBytes, measuredBytes, difference, peakBytes };
  }
}

/** What is in memory before the first step, batches and files (which grow with the code that runs) left out; null where nobody tells. */
function idleBytes({ slot, numFilled }: BatchMemory): number | null {
  const resident = residentMemory();
  if (resident === null) return null;
  const slotBytes = slot.reduce((sum, { numBytes }) => sum + numBytes, 0);
  return resident.totalBytes - resident.fileBytes - numFilled() * slotBytes;
}
