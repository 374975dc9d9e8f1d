export { Broker, type BrokerOptions } from "./broker.ts";
export { checkPrerequisites, type PrerequisiteRow } from "./doctor.ts";
export { ensureAll, type Provisioned } from "./ensureAll.ts";
export type { FreeSpaceProbe, Log } from "./install.ts";
export { ensureKafka, type Kafka } from "./kafka.ts";
export { ensureTemporalCli, type TemporalCli } from "./temporal.ts";
export { ensureTensorflow, type TensorflowOptions } from "./tensorflow.ts";
