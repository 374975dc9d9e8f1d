/**
 * What a generator is asked for at the moment, in shared memory, since whoever reads it may never come back: the number of the sample from
 * 1 (0 for none), its epoch, and how many were asked for.
 */
export type Asked = Int32Array;

const word = { sample: 0, epoch: 1, count: 2 } as const;

export function createAsked(): Asked {
  return new Int32Array(new SharedArrayBuffer(12));
}

export function tellAsked(asked: Asked | null, epoch: number, index: number): void {
  if (asked === null) return;
  asked[word.epoch] = epoch;
  asked[word.count]! += 1;
  Atomics.store(asked, word.sample, index + 1);
}

export function tellAnswered(asked: Asked | null): void {
  if (asked !== null) Atomics.store(asked, word.sample, 0);
}

/** What is asked for, and how many were before; null for nothing. */
export function readAsked(
  asked: Asked,
): { readonly index: number; readonly epoch: number; readonly count: number } | null {
  const sample = Atomics.load(asked, word.sample);
  return sample === 0 ? null : { index: sample - 1, epoch: asked[word.epoch]!, count: asked[word.count]! };
}
