import { join } from "node:path";
import type { BenchScope } from "../harness/bench.ts";
import { machineThreads } from "../subjects/mnist.ts";
import { residentMiB } from "../subjects/process-usage.ts";
import { synthesize, writeBatches } from "./batches.ts";
import type { Ready, SubjectOrder } from "./protocol.ts";
import { learningRate, seed } from "./recipe.ts";
import { Subject } from "./subject.ts";
import type { SubjectSpec } from "./subject-specs.ts";
import type { Workload } from "./workloads.ts";

/** What all subjects of a workload are told. */
export type CommonOrder = Omit<SubjectOrder, "variant" | "precision" | "budgetBytes">;

/** A subject that can take steps and has taken none. */
export interface Launched {
  readonly spec: SubjectSpec;
  readonly process: Subject;
  /** Of the framework. */
  readonly version: string;
  readonly ready: Ready;
  /** Resident memory with framework and batches loaded, before there was a model. */
  readonly baseMiB: number;
}

/** Writes the batches that every subject of a workload reads. */
export function orderFor(
  scope: BenchScope,
  workload: Workload,
  { numBatches, numStepsAhead }: { readonly numBatches: number; readonly numStepsAhead: number },
): CommonOrder {
  const directory = scope.temporaryDirectory();
  const batchesPath = join(directory, "batches.safetensors");
  writeBatches(batchesPath, workload, synthesize(workload, numBatches, seed));
  return {
    workload: workload.name,
    batchesPath,
    weightsPath: join(directory, "weights.safetensors"),
    numThreads: machineThreads.intraOp,
    batchSize: workload.batchSize,
    numClasses: workload.numClasses,
    learningRate,
    numStepsAhead,
  };
}

export async function launch(scope: BenchScope, spec: SubjectSpec, order: CommonOrder): Promise<Launched> {
  const { command, variant, precision, budgetBytes } = spec;
  const [process, { version }] = await Subject.start(command, { ...order, variant, precision, budgetBytes });
  scope.defer(() => process.close());
  const baseMiB = residentMiB(process.pid);
  return { spec, process, version, ready: await process.prepare(), baseMiB };
}

/** One subject after another. Those that are optional and fail are left out, and named in the notes. */
export async function forEachSubject<T>(
  scope: BenchScope,
  workload: Workload,
  specs: readonly SubjectSpec[],
  measure: (spec: SubjectSpec) => Promise<T>,
): Promise<{ readonly results: readonly T[]; readonly notes: readonly string[] }> {
  const results: T[] = [];
  const notes: string[] = [];
  for (const spec of specs) {
    scope.log(`${workload.name}: ${spec.name}, ${spec.precision}`);
    try {
      results.push(await measure(spec));
    } catch (cause) {
      const problem = `${spec.name} cannot train the ${workload.name}: ${firstLine(cause)}`;
      if (!spec.isOptional) throw new Error(problem, { cause });
      scope.log(problem);
      notes.push(problem);
    }
  }
  return { results, notes };
}

function firstLine(cause: unknown): string {
  return (cause instanceof Error ? cause.message : String(cause)).trim().split("\n")[0] ?? "";
}
