export { ClickStream } from "./clicks.ts";
export { TopicWriter } from "./topic-writer.ts";
