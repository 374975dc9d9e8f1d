import { AnnealError } from "@anneal/contracts";
import type { Bench } from "../harness/bench.ts";
import { measureWorkload, subjectSpecs, type WorkloadResult } from "../step/measure.ts";
import { peerCommands } from "../step/peers.ts";
import { reportSteps } from "../step/report.ts";
import { workloads } from "../step/workloads.ts";

/** A training step of five kinds of models: compiled against eager, tfjs-node's own loop, and two Python peers. */
export const step: Bench = {
  name: "step",
  measures: "ms a training step on five models, against eager, tfjs-node and (--peers) Keras and PyTorch",
  async run(scope) {
    const chosen = choose(scope.settings.models);
    const specs = subjectSpecs(scope.settings.peers ? await peerCommands(scope) : []);
    const results: WorkloadResult[] = [];
    for (const workload of chosen) results.push(await measureWorkload(scope, workload, specs));
    return reportSteps(results);
  },
};

function choose(names: readonly string[] | null) {
  if (names === null) return workloads;
  const known = workloads.map(({ name }) => name as string);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown === undefined) return workloads.filter(({ name }) => names.includes(name));
  throw new AnnealError("USAGE", `there is no model called "${unknown}"`, `Use some of: ${known.join(", ")}.`);
}
