import type { BenchScope } from "../harness/bench.ts";
import { interleave } from "../harness/interleave.ts";
import { checkEqualWork } from "../step/equal-work.ts";
import { type CommonOrder, forEachSubject, launch } from "../step/launch.ts";
import type { SubjectSpec } from "../step/subject-specs.ts";
import type { Workload } from "../step/workloads.ts";
import { type PeakMemory, takeFirstSteps } from "./peaks.ts";

export interface MeasuredSubject {
  readonly subject: SubjectSpec;
  readonly version: string;
  /** By round, each in a process of its own. */
  readonly peaks: readonly PeakMemory[];
}

export interface MeasuredMemory {
  readonly workload: Workload;
  readonly measured: readonly MeasuredSubject[];
  readonly notes: readonly string[];
}

/** Peaks of all subjects, one process at a time. */
export async function measureMemory(
  scope: BenchScope,
  workload: Workload,
  order: CommonOrder,
  specs: readonly SubjectSpec[],
): Promise<MeasuredMemory> {
  const rounds = await interleave(scope.rounds(3, 1), {
    subjects: () =>
      forEachSubject(scope, workload, specs, async (spec) => {
        const launched = await launch(scope, spec, order);
        const { firstLoss, peak } = await takeFirstSteps(launched);
        await launched.process.close();
        return { ...launched, firstLoss, peak };
      }),
  });
  const first = rounds[0]!.subjects;
  checkEqualWork(workload, first.results);
  const measured = specs.flatMap((spec): readonly MeasuredSubject[] => {
    const own = rounds.flatMap(({ subjects }) => subjects.results.filter((result) => result.spec === spec));
    return own.length === 0 ? [] : [{ subject: spec, version: own[0]!.version, peaks: own.map(({ peak }) => peak) }];
  });
  return { workload, measured, notes: first.notes };
}
