import { availableParallelism, loadavg, totalmem } from "node:os";
import { readCpu, readTensorflowPointer } from "@anneal/runtime";

/** What numbers depend on: those of two classes cannot be compared. */
export interface MachineClass {
  readonly cpu: string;
  readonly numCores: number;
  readonly memoryGiB: number;
  readonly platform: string;
  readonly node: string;
  readonly tensorflow: string | null;
  /** Processes that wanted to run in the minute before: above the bench's own, they disturbed it. */
  readonly loadBefore: number;
}

export function describeMachine(): MachineClass {
  return {
    cpu: readCpu().model,
    numCores: availableParallelism(),
    memoryGiB: Math.round((totalmem() / 2 ** 30) * 10) / 10,
    platform: `${process.platform}-${process.arch}`,
    node: process.versions.node,
    tensorflow: readTensorflowPointer()?.tensorflowVersion ?? null,
    loadBefore: Math.round((loadavg()[0] ?? 0) * 100) / 100,
  };
}

export function formatMachine({
  cpu,
  numCores,
  memoryGiB,
  platform,
  node,
  tensorflow,
  loadBefore,
}: MachineClass): string {
  return `${cpu}, ${numCores} cores, ${memoryGiB} GiB, ${platform}, Node ${node}, TensorFlow ${tensorflow ?? "missing"}, load before ${loadBefore}`;
}
