import type { BenchScope } from "../harness/bench.ts";
import { interleave } from "../harness/interleave.ts";
import { peakMemoryMiB } from "../subjects/process-usage.ts";
import { checkEqualWork } from "./equal-work.ts";
import { forEachSubject, launch, orderFor } from "./launch.ts";
import type { Ready, Stepped } from "./protocol.ts";
import type { SubjectSpec } from "./subject-specs.ts";
import type { Workload } from "./workloads.ts";

/** What one subject did on one workload. */
export interface Measured {
  readonly subject: SubjectSpec;
  /** Of the framework. */
  readonly version: string;
  readonly ready: Ready;
  /** Of the very first step: the same for all, since weights and batch are. */
  readonly firstLoss: number;
  /** By round. */
  readonly msPerStep: readonly number[];
  readonly losses: readonly number[];
  /** Over the life of the process. */
  readonly peakMemoryMiB: number;
}

export interface WorkloadResult {
  readonly workload: Workload;
  readonly numSteps: number;
  readonly measured: readonly Measured[];
  /** Of the time of our step's nodes, that of matrix products and convolutions: the hardware's own. */
  readonly productShare: number;
  /** What could not be measured: sentences. */
  readonly notes: readonly string[];
}

/** As a training of some minutes: several steps a call are tried where steps are short, XLA is not. */
const numRoundsAhead = 400;

/** All subjects on one workload, each in a process that stays while the others take their turns. */
export async function measureWorkload(
  scope: BenchScope,
  workload: Workload,
  specs: readonly SubjectSpec[],
): Promise<WorkloadResult> {
  const numSteps = scope.choose(workload.numSteps, 2);
  const order = orderFor(scope, workload, { numBatches: numSteps, numStepsAhead: numRoundsAhead * workload.numSteps });
  const { results: started, notes } = await forEachSubject(scope, workload, specs, async (spec) => {
    const launched = await launch(scope, spec, order);
    const { loss: firstLoss } = await launched.process.step(1);
    // The second step at the latest has everything in place; a whole round settles caches and allocators.
    await launched.process.step(numSteps);
    return { ...launched, firstLoss };
  });
  checkEqualWork(workload, started);
  const rounds = await interleave<Record<string, Stepped>>(
    scope.rounds(7, 2),
    Object.fromEntries(started.map(({ spec, process }) => [spec.name, () => process.step(numSteps)])),
  );
  const measured = started.map(({ spec, version, ready, firstLoss, process }): Measured => {
    const own = rounds.map((round) => round[spec.name]!);
    return {
      subject: spec,
      version,
      ready,
      firstLoss,
      msPerStep: own.map(({ elapsedMs }) => elapsedMs / numSteps),
      losses: own.map(({ loss }) => loss),
      peakMemoryMiB: peakMemoryMiB(process.pid),
    };
  });
  const { productShare } = await started[0]!.process.explain();
  for (const { process } of started) await process.close();
  return { workload, numSteps, measured, productShare, notes };
}
