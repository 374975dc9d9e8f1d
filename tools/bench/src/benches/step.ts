import type { Bench } from "../harness/bench.ts";
import { measureWorkload, type WorkloadResult } from "../step/measure.ts";
import { peerCommands } from "../step/peers.ts";
import { reportSteps } from "../step/report.ts";
import { stepSpecs } from "../step/subject-specs.ts";
import { stepWorkloads, workloadsNamed } from "../step/workloads.ts";

/** A training step of five kinds of models: compiled against eager or float32, tfjs-node's own loop, and Python peers. */
export const step: Bench = {
  name: "step",
  measures: "ms a training step on five models, against eager, tfjs-node and (--peers) Keras and PyTorch",
  async run(scope) {
    const { models, peers, precision } = scope.settings;
    const specs = stepSpecs(precision, peers ? await peerCommands(scope, precision) : []);
    const results: WorkloadResult[] = [];
    for (const workload of models === null ? stepWorkloads : workloadsNamed(models)) {
      results.push(await measureWorkload(scope, workload, specs));
    }
    return reportSteps(results, precision);
  },
};
