import { formatNumber } from "../harness/render.ts";
import type { BatchStatistics } from "./protocol.ts";
import type { DataWorkload } from "./workloads.ts";

/** Batches from which on the spread of their labels is known well enough to compare. */
const leastBatches = 30;
/** Largest ratio of the batches' labels' spread to that of batches drawn at random from all samples. */
const mostLabelSpread = 1.5;

/**
 * Fails when subjects make different batches: another number of samples, inputs with another mean or spread, other labels, or
 * batches that were not shuffled. Their times would compare nothing.
 */
export function checkEqualBatches(
  { name, batchSize, bounds }: Pick<DataWorkload, "name" | "batchSize" | "bounds">,
  numSamples: number,
  subjects: readonly { readonly spec: { readonly name: string }; readonly statistics: BatchStatistics }[],
): void {
  const [reference] = subjects;
  if (reference === undefined) return;
  const ours = reference.statistics;
  for (const { spec, statistics } of subjects) {
    const isEqual =
      statistics.numSamples === numSamples &&
      Math.abs(statistics.mean - ours.mean) <= bounds.mean &&
      Math.abs(statistics.std / ours.std - 1) <= bounds.spread &&
      Math.abs(statistics.meanLabel - ours.meanLabel) <= 1e-9 &&
      (numSamples < leastBatches * batchSize ||
        statistics.labelSpread <= mostLabelSpread * (statistics.stdLabel / Math.sqrt(batchSize)));
    if (isEqual) continue;
    throw new Error(
      `the ${name} batches of ${spec.name} (${describe(statistics)}) are not those of ${reference.spec.name} (${describe(ours)}), of ${numSamples} samples`,
    );
  }
}

function describe({ numSamples, mean, std, meanLabel, labelSpread }: BatchStatistics): string {
  const [ofValues, spread, ofLabels, ofBatches] = [mean, std, meanLabel, labelSpread].map(formatNumber);
  return `${numSamples} samples, values ${ofValues} ± ${spread}, labels ${ofLabels}, ± ${ofBatches} from batch to batch`;
}
