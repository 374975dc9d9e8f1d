export type { CacheKind } from "./cache/cache-entries.ts";
export { type CollectCacheOptions, type CollectedEntry, collectCache } from "./cache/collect-cache.ts";
export {
  type DType,
  dtypeOf,
  type FieldSpec,
  fieldBytes,
  formatField,
  isRagged,
  numElements,
  type RaggedSpec,
  type SampleSpec,
  type TypedArray,
  viewOf,
} from "./fields.ts";
export type { FilePattern, RemoteFile } from "./files/find-files.ts";

export { touchCached, writeCached } from "./files/write-cached.ts";
export { type Asked, createAsked } from "./generator/asked.ts";

export {
  type Epoch,
  type GeneratedSample,
  type GeneratorOptions,
  generatorSource,
  type SampleGenerator,
} from "./generator/declaration.ts";
export { GeneratorWatch } from "./generator/generator-watch.ts";
export { type ImageFolderOptions, imageFolderSource } from "./images/image-folder.ts";
export { npySource, npzSource } from "./npy/array-files.ts";
export {
  createReader,
  type OpenSource,
  openSource,
  type SourceDeclaration,
  type SourceHandles,
} from "./open-source.ts";
export { RandomStream } from "./random.ts";
export { alignUp, allocateShared } from "./shared-memory.ts";
export {
  type BadRecords,
  defaultSampleTimeoutMs,
  type InputColumn,
  type SampleReader,
  type SourceContext,
} from "./source.ts";
export { openStream, type SampleStream, type StreamHandles, type StreamSample } from "./stream.ts";
export { type ColumnType, type TableFormat, type TableOptions, tableSource } from "./table/declaration.ts";
export { type TextLinesOptions, textLinesSource } from "./text-lines/text-lines.ts";
export {
  type TfRecordInput,
  type TfRecordLabel,
  type TfRecordOptions,
  tfrecordSource,
} from "./tfrecord/declaration.ts";
export {
  type KeyShare,
  type TopicDeclaration,
  type TopicOptions,
  type TopicPosition,
  topicSource,
} from "./topic/declaration.ts";
export type { TopicDecoder } from "./topic/decode.ts";
export type { TopicHandles } from "./topic/topic-stream.ts";
export { openWindow } from "./topic/topic-window.ts";
