export { decideBounds, decideStart, type Keep, type Position } from "./bounds.ts";
export { type GroupOffset, GroupOffsets } from "./group.ts";
export type { TopicRecord } from "./records.ts";
export type { KafkaConnection, Sasl, Secret, Tls } from "./settings.ts";
export { type Moment, type Patience, TopicClient } from "./topic-client.ts";
export { TopicReader } from "./topic-reader.ts";
export { nextWindow, type WindowRequest } from "./windows.ts";
