export {
  alignUp,
  allocateShared,
  dtypeOf,
  type FieldSpec,
  formatField,
  numElements,
  RandomStream,
  type TypedArray,
  viewOf,
} from "@anneal/sources";
export { arrays, Dataset, fashionMnist, idx, mnist, mobyDick, textWindows } from "./dataset.ts";
export { type Feed, type FeedStats, numFeedThreads, openFeed } from "./feed.ts";
export { type OpenDataset, openDataset } from "./open.ts";
export { evaluationPlan, type FeedPlan, trainingPlan } from "./plan.ts";
export { batchBytes, type RingHandles, slotTensors } from "./ring.ts";
export { type FeedItem, RingReader } from "./ring-reader.ts";
export {
  itemAt,
  itemOfStep,
  itemsPerEpoch,
  numItems,
  type Schedule,
  stepsPerEpoch,
} from "./schedule.ts";
export { type Transform, type TransformFactory, type TransformReference, transform } from "./transform.ts";
export { normalise, rotate, rotateAndShift, shift } from "./transforms/index.ts";
