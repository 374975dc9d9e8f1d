/**
 * Sizes of the parts of a batch, as even as they can be, none above the share that `microBatches` parts of a full batch have: the
 * last, smaller batch of an epoch has fewer parts, not smaller ones. More parts than samples are as many as samples.
 *
 * @param batchSize of a full batch; `numSamples` are those of this one
 */
export function microBatchSizes(numSamples: number, batchSize: number, microBatches: number): readonly number[] {
  const numParts = Math.ceil(numSamples / largestMicroBatch(batchSize, microBatches));
  const size = Math.floor(numSamples / numParts);
  const numLarger = numSamples % numParts;
  return Array.from({ length: numParts }, (_, index) => size + (index < numLarger ? 1 : 0));
}

/** Samples in the largest part of a full batch: what the memory of a step depends on. */
export function largestMicroBatch(batchSize: number, microBatches: number): number {
  return Math.ceil(batchSize / microBatches);
}
