import type { FeedSetting } from "@anneal/contracts";

/** What a feed may be set to. */
export interface FeedLimits {
  readonly batchSize: number;
  readonly maxThreads: number;
  readonly minPartSize: number;
  /** Batches ahead: the slots that there are, and what the engine holds and takes next. */
  readonly maxAhead: number;
  readonly minAhead: number;
}

/** What was measured since the last look, in a window in which the engine took batches or waited for one. */
export interface FeedMeasurement {
  readonly windowMs: number;
  /** Of the window, how long the engine waited for a batch. */
  readonly engineWaitMs: number;
  /** Time that threads worked, summed up over them. */
  readonly busyMs: number;
  readonly numParts: number;
  readonly numSamples: number;
  /** Share (0..1) of the batches ahead that are ready. */
  readonly readyShare: number;
}

/** A setting, and what was seen under it. */
export interface FeedTuning {
  readonly setting: FeedSetting;
  /** Windows in a row in which the engine waited, and in which it did not. */
  readonly numStarved: number;
  readonly numCalm: number;
  /** What the feed makes of late: windows count less the older they are. */
  readonly samplesPerMs: number;
  /** A thread that was added on trial: what the feed made before, a millisecond, and windows until it is judged. */
  readonly trial: { readonly samplesPerMs: number; readonly numWindowsLeft: number } | null;
  /** Windows until another thread is tried, after one that did not help. */
  readonly numWindowsUntilTrial: number;
  /** Why the setting was changed now; null where it was not. */
  readonly why: string | null;
}

/** Of the window: the engine waits for data, or it does not. */
const [starvedShare, calmShare] = [0.05, 0.01];
/** Windows in a row before threads are added, and before they or batches are given back. */
const [starvedWindows, calmWindows] = [2, 8];
/** A thread that is busy for less has room for more. */
const fullyBusy = 0.7;
/** What is left over after a thread is given back. */
const comfortablyBusy = 0.6;
/** A thread takes a second to start. */
const trialWindows = 12;
/** Of the newest window in what the feed makes. */
const newestWeight = 0.3;
/** A thread is kept that makes so much more than there was before. */
const worthwhileGain = 1.05;
const windowsBetweenTrials = 60;
/** A part takes long enough that handing it out costs nothing beside it, and short enough that a thread is soon free. */
const partMsRange = { shortest: 1, longest: 100 } as const;

export function untuned(setting: FeedSetting): FeedTuning {
  return { setting, numStarved: 0, numCalm: 0, samplesPerMs: 0, trial: null, numWindowsUntilTrial: 0, why: null };
}

/**
 * The setting for the next window. Where the engine waits: batches ahead, parts for all threads, then more threads, each on trial. Where it
 * does not: fewer threads, then fewer batches ahead, one at a time.
 */
export function tuneFeed(before: FeedTuning, measured: FeedMeasurement, limits: FeedLimits): FeedTuning {
  const { setting } = before;
  const waitShare = measured.engineWaitMs / measured.windowMs;
  const isStarved = waitShare > starvedShare;
  const isCalm = waitShare < calmShare;
  const rate = measured.numSamples / measured.windowMs;
  const seen: FeedTuning = {
    ...before,
    why: null,
    numStarved: isStarved ? before.numStarved + 1 : 0,
    numCalm: isCalm ? before.numCalm + 1 : 0,
    samplesPerMs: before.samplesPerMs === 0 ? rate : before.samplesPerMs + newestWeight * (rate - before.samplesPerMs),
    numWindowsUntilTrial: Math.max(0, before.numWindowsUntilTrial - 1),
  };
  const judged = judgeTrial(seen);
  if (judged !== null && judged.why !== null) return judged;
  const now = judged ?? seen;
  const change = (changed: Partial<FeedSetting>, why: string, rest: Partial<FeedTuning> = {}): FeedTuning => ({
    ...now,
    numStarved: 0,
    numCalm: 0,
    ...rest,
    setting: { ...setting, ...changed },
    why,
  });
  const percent = `${Math.round(100 * Math.min(1, waitShare))} %`;
  if (isStarved) {
    if (setting.batchesAhead < limits.maxAhead) {
      return change({ batchesAhead: limits.maxAhead }, `the step waited ${percent} of the time`);
    }
    const even = evenPart(setting.numThreads, limits);
    if (setting.partSize > even) return change({ partSize: even }, "all threads work on a batch that is waited for");
    const isBusy = measured.busyMs > fullyBusy * setting.numThreads * measured.windowMs;
    const mayTry = now.trial === null && now.numWindowsUntilTrial === 0 && setting.numThreads < limits.maxThreads;
    if (isBusy && mayTry && now.numStarved >= starvedWindows) {
      const numThreads = setting.numThreads + 1;
      const partSize = Math.min(setting.partSize, evenPart(numThreads, limits));
      return change({ numThreads, partSize }, `the step waited ${percent} of the time`, {
        trial: { samplesPerMs: now.samplesPerMs, numWindowsLeft: trialWindows },
      });
    }
  }
  const resized = resizePart(setting, measured, limits, isStarved);
  if (resized !== setting.partSize) return change({ partSize: resized }, "parts take neither too long nor too little");
  if (now.numCalm < calmWindows) return now;
  const left = comfortablyBusy * (setting.numThreads - 1) * measured.windowMs;
  if (setting.numThreads > 1 && measured.busyMs < left) {
    return change({ numThreads: setting.numThreads - 1 }, "the step is slower than its data: a core less is enough");
  }
  const hasRoom = measured.busyMs < comfortablyBusy * setting.numThreads * measured.windowMs;
  if (hasRoom && setting.batchesAhead > limits.minAhead && measured.readyShare >= 0.9) {
    return change(
      { batchesAhead: setting.batchesAhead - 1 },
      "the step is slower than its data: fewer batches are enough",
    );
  }
  return now;
}

/** Takes a thread back that did not help; null while there is nothing to judge. */
function judgeTrial(seen: FeedTuning): FeedTuning | null {
  const { trial, setting, samplesPerMs } = seen;
  if (trial === null) return null;
  const numWindowsLeft = trial.numWindowsLeft - 1;
  if (numWindowsLeft > 0) return { ...seen, trial: { ...trial, numWindowsLeft } };
  const hasHelped = samplesPerMs >= worthwhileGain * trial.samplesPerMs;
  if (hasHelped) return { ...seen, trial: null };
  return {
    ...seen,
    trial: null,
    numStarved: 0,
    numWindowsUntilTrial: windowsBetweenTrials,
    setting: { ...setting, numThreads: Math.max(1, setting.numThreads - 1) },
    why: "another thread made no more samples",
  };
}

function evenPart(numThreads: number, { batchSize, minPartSize }: FeedLimits): number {
  return Math.max(minPartSize, Math.ceil(batchSize / numThreads));
}

function resizePart(
  { partSize, numThreads }: FeedSetting,
  { busyMs, numParts }: FeedMeasurement,
  limits: FeedLimits,
  isStarved: boolean,
): number {
  if (numParts === 0) return partSize;
  const partMs = busyMs / numParts;
  const largest = isStarved ? evenPart(numThreads, limits) : limits.batchSize;
  if (partMs < partMsRange.shortest) return Math.max(partSize, Math.min(2 * partSize, largest));
  if (partMs > partMsRange.longest) return Math.min(partSize, Math.max(limits.minPartSize, Math.ceil(partSize / 2)));
  return partSize;
}
