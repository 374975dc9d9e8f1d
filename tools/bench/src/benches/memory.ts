import type { Bench } from "../harness/bench.ts";
import { type MeasuredMemory, measureMemory } from "../memory/measure.ts";
import { numBatches } from "../memory/peaks.ts";
import { measurePlanner, type PlannedMemory } from "../memory/planner.ts";
import { reportPeaks } from "../memory/report-peaks.ts";
import { reportPlans } from "../memory/report-plans.ts";
import { orderFor } from "../step/launch.ts";
import { peerCommands } from "../step/peers.ts";
import { memorySpecs } from "../step/subject-specs.ts";
import { workloads, workloadsNamed } from "../step/workloads.ts";

/** A training too short for a trial of lowerings, whose sessions would be part of the peak. */
const numStepsAhead = 8;

/** What a step takes at its peak, in float32 and bfloat16, against peers, and within parts of it. */
export const memory: Bench = {
  name: "memory",
  measures:
    "peak memory of a step, against tfjs-node and (--peers) Keras and PyTorch, and within budgets of a half and a quarter",
  async run(scope) {
    const { models, peers } = scope.settings;
    const specs = memorySpecs(peers ? await eachWayOnce(scope) : []);
    const measured: MeasuredMemory[] = [];
    const planned: PlannedMemory[] = [];
    for (const workload of models === null ? workloads : workloadsNamed(models)) {
      const order = orderFor(scope, workload, { numBatches, numStepsAhead });
      const result = await measureMemory(scope, workload, order, specs);
      measured.push(result);
      planned.push(await measurePlanner(scope, workload, order, result.measured[0]!.peaks));
    }
    const [peaks, plans] = [reportPeaks(measured), reportPlans(planned)];
    return {
      rows: [...peaks.rows, ...plans.rows],
      notes: [...peaks.notes, ...plans.notes],
      details: { peaks: peaks.details, plans: plans.details },
    };
  },
};

/** Peers as they are by default: what their compilers take is another question. */
async function eachWayOnce(scope: Parameters<Bench["run"]>[0]) {
  const commands = [...(await peerCommands(scope, "float32")), ...(await peerCommands(scope, "bfloat16"))];
  return commands.filter(({ isDefault }) => isDefault);
}
