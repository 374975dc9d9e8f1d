/** A step of a file: the values that it takes and makes, by name. */
export interface MemoryStep {
  readonly label: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

export interface PeakMemory {
  readonly bytes: number;
  /** The step at which so much is in memory. */
  readonly at: string;
}

/**
 * The most that is in memory at a time where steps run one after another, and a value stays until the last step that takes it is done; values that nobody
 * takes stay to the end if they are kept.
 *
 * @param bytesOf of a value that is computed or fed; 0 for weights
 * @param given values that are there at first
 * @param kept values that stay to the end
 */
export function peakMemory(
  steps: readonly MemoryStep[],
  {
    bytesOf,
    given,
    kept,
  }: {
    readonly bytesOf: (name: string) => number;
    readonly given: readonly string[];
    readonly kept: readonly string[];
  },
): PeakMemory {
  const lastUse = new Map<string, number>();
  steps.forEach(({ inputs, outputs }, index) => {
    for (const name of [...inputs, ...outputs]) lastUse.set(name, index);
  });
  for (const name of kept) lastUse.set(name, steps.length);
  let inUse = given.reduce((sum, name) => sum + bytesOf(name), 0);
  let peak: PeakMemory = { bytes: inUse, at: "inputs" };
  steps.forEach(({ label, inputs, outputs }, index) => {
    for (const name of outputs) inUse += bytesOf(name);
    if (inUse > peak.bytes) peak = { bytes: inUse, at: label };
    for (const name of new Set([...inputs, ...outputs])) if (lastUse.get(name) === index) inUse -= bytesOf(name);
  });
  return peak;
}
