import { availableParallelism } from "node:os";
import { mnist } from "@anneal/data";
import type { BenchScope } from "../harness/bench.ts";
import { pictureFolder } from "./generate/pictures.ts";
import { tableFile } from "./generate/table.ts";
import type { DataOrder } from "./protocol.ts";
import { type DataWorkload, digitAffine, digitStatistics, imageSize, imageStatistics } from "./workloads.ts";

/** What all subjects of a workload are told. */
type CommonOrder = Omit<DataOrder, "variant">;

/** Makes the data of a workload, unless they are in the cache. */
export async function orderFor(scope: BenchScope, workload: DataWorkload): Promise<CommonOrder> {
  const { name, batchSize } = workload;
  const numSamples = scope.choose(workload.numSamples.full, workload.numSamples.quick);
  return {
    workload: name,
    numSamples,
    batchSize,
    seed: 1,
    numWorkers: availableParallelism(),
    data: await makeData[name](numSamples),
  };
}

const makeData: Readonly<Record<DataWorkload["name"], (numSamples: number) => Promise<DataOrder["data"]>>> = {
  jpeg: async (numSamples) => ({
    kind: "jpeg",
    directory: await pictureFolder(numSamples),
    ...imageSize,
    ...imageStatistics,
  }),
  csv: async (numSamples) => ({ kind: "csv", ...(await tableFile(numSamples)) }),
  mnist: async () => ({ kind: "mnist", ...digitFiles(), ...digitAffine, ...digitStatistics }),
};

function digitFiles() {
  const source = mnist({ split: "train" }).parts[0]?.source;
  if (source?.kind !== "idx") throw new Error(`MNIST comes from ${source?.kind}, not from IDX files`);
  return { images: source.images, labels: source.labels };
}
