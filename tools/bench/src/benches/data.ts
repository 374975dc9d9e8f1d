import { AnnealError } from "@anneal/contracts";
import { compareFeeding } from "../data/article/compare.ts";
import { type DataWorkloadResult, measureData } from "../data/measure.ts";
import { reportData } from "../data/report.ts";
import { dataWorkloads } from "../data/workloads.ts";
import type { Bench } from "../harness/bench.ts";

/** Whole epochs of batches, made by us and by others from the same files, by the same steps. */
export const data: Bench = {
  name: "data",
  measures:
    "pipelines: samples/s, memory, and whether a consumer waits; against tfjs-data, tf.data and PyTorch's DataLoader",
  async run(scope) {
    const { workloads: chosen, article } = scope.settings;
    if (article) return compareFeeding(scope);
    const unknown = chosen?.find((wanted) => !dataWorkloads.some(({ name }) => name === wanted));
    if (unknown !== undefined) throw noWorkload(unknown);
    const results: DataWorkloadResult[] = [];
    for (const workload of dataWorkloads.filter(({ name }) => chosen?.includes(name) ?? true)) {
      results.push(await measureData(scope, workload));
    }
    return reportData(results);
  },
};

function noWorkload(unknown: string): AnnealError {
  const known = dataWorkloads.map(({ name }) => name).join(", ");
  return new AnnealError("USAGE", `the bench has no workload "${unknown}"`, `Use some of: ${known}.`, { unknown });
}
