export { arrays, Dataset, idx, mnist, type Selection, type SourceDeclaration } from "./dataset.ts";
export { defaultNumThreads, type Feed, type FeedOptions, type FeedStats, openFeed } from "./feed.ts";
export { type DType, type FieldSpec, formatField, numElements, type TypedArray } from "./fields.ts";
export { type OpenDataset, openDataset } from "./open.ts";
export { epochPermutation } from "./order.ts";
export { evaluationPlan, type FeedPlan, trainingPlan } from "./plan.ts";
export { RandomStream, type StreamPurpose } from "./random.ts";
export type { RingHandles } from "./ring.ts";
export { type FeedItem, RingReader, readWaitStats, type WaitStats } from "./ring-reader.ts";
export {
  type FeedPhase,
  itemAt,
  itemOfStep,
  itemsPerEpoch,
  numItems,
  type Schedule,
  type ScheduleItem,
  stepsPerEpoch,
} from "./schedule.ts";
export { type Transform, type TransformFactory, type TransformReference, transform } from "./transform.ts";
export { normalise, rotate, rotateAndShift, shift } from "./transforms/index.ts";
