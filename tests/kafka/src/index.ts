export { Cluster, type WrittenRecord } from "./test-support/cluster.ts";
