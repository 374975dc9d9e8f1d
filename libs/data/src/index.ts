export {
  alignUp,
  allocateShared,
  dtypeOf,
  type FieldSpec,
  formatField,
  numElements,
  openWindow,
  RandomStream,
  type SampleSpec,
  type TypedArray,
  viewOf,
} from "@anneal/sources";
export { countLeftOut, tooManyBadRecords } from "./bad-records.ts";
export { type BadRecordPolicy, Dataset, mix, type Sides } from "./dataset.ts";
export { type Feed, type FeedOptions, type FeedStats, openFeed } from "./feed.ts";
export { generator, imageFolder, kafkaTopic, npy, npz, table, textLines, tfrecord } from "./files.ts";
export type { Fitted } from "./fit.ts";
export type { InlineTransform } from "./inline.ts";
export { numFeedThreads } from "./num-threads.ts";
export { cacheBytesOf, type OpenDataset, openDataset, pickSamples, softenLabels } from "./open.ts";
export { evaluationPlan, type FeedPlan, trainingPlan } from "./plan.ts";
export { arrays, diamonds, fashionMnist, idx, mnist, mobyDick, spamAssassin, textWindows } from "./ready-made.ts";
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
export { firstPosition } from "./topic-book.ts";
export { atWindow, topicOf } from "./topic-of.ts";
export {
  fittedTransform,
  type Learner,
  type LearnerFactory,
  type Predicate,
  type PredicateFactory,
  type Transform,
  type TransformFactory,
  type TransformReference,
  transform,
} from "./transform.ts";
export {
  crop,
  fillMissing,
  flip,
  mask,
  normalise,
  oneHot,
  padTo,
  randomCrop,
  resize,
  rotate,
  rotateAndShift,
  shift,
  standardise,
  tokenise,
} from "./transforms/index.ts";
