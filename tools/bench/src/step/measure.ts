import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { tensorflowEnvironment } from "@anneal/runtime";
import type { BenchScope } from "../harness/bench.ts";
import { interleave } from "../harness/interleave.ts";
import { formatNumber } from "../harness/render.ts";
import { machineThreads } from "../subjects/mnist.ts";
import { peakMemoryMiB } from "../subjects/process-usage.ts";
import { synthesize, writeBatches } from "./batches.ts";
import type { PeerCommand } from "./peers.ts";
import type { Ready, Stepped, SubjectOrder } from "./protocol.ts";
import { learningRate, seed } from "./recipe.ts";
import { Subject, type SubjectCommand } from "./subject.ts";
import type { Workload } from "./workloads.ts";

/** What one subject did on one workload. */
export interface Measured {
  readonly subject: SubjectSpec;
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

/** Who takes steps. Of a family with several variants the best counts. */
export interface SubjectSpec {
  readonly name: string;
  readonly family: "Anneal" | "Anneal eager" | "tfjs-node model.fit" | "Keras" | "PyTorch";
  readonly command: SubjectCommand;
  readonly variant: string;
  /** Whether the others are measured without it where it cannot run. */
  readonly isOptional: boolean;
}

/** Anneal first: the first subject writes the initial weights that the peers read. */
export function subjectSpecs(peers: readonly PeerCommand[]): readonly SubjectSpec[] {
  const { intraOp, interOp } = machineThreads;
  const env = {
    ...process.env,
    ...tensorflowEnvironment({ numIntraOpThreads: intraOp, numInterOpThreads: interOp }),
  };
  const node = (main: URL): SubjectCommand => {
    return { file: process.execPath, args: ["--disable-warning=ExperimentalWarning", fileURLToPath(main)], env };
  };
  const anneal = node(new URL("./anneal-main.ts", import.meta.url));
  const own = { isOptional: false } as const;
  return [
    { name: "Anneal", family: "Anneal", command: anneal, variant: "compiled", ...own },
    { name: "Anneal eager", family: "Anneal eager", command: anneal, variant: "eager", ...own },
    {
      name: "tfjs-node model.fit",
      family: "tfjs-node model.fit",
      command: node(new URL("./tfjs-main.ts", import.meta.url)),
      variant: "model.fit",
      ...own,
    },
    ...peers.map((peer) => ({ ...peer, isOptional: true })),
  ];
}

/** Largest relative difference of first losses: a stride of two pads an even image on one side here, on both in PyTorch. */
const lossTolerance: Readonly<Record<string, number>> = { resnet: 0.1 };
const defaultLossTolerance = 0.001;

/** All subjects on one workload, each in a process that stays while the others take their turns. */
export async function measureWorkload(
  scope: BenchScope,
  workload: Workload,
  specs: readonly SubjectSpec[],
): Promise<WorkloadResult> {
  const directory = scope.temporaryDirectory();
  const numSteps = scope.choose(workload.numSteps, 2);
  const order: Omit<SubjectOrder, "variant"> = {
    workload: workload.name,
    batchesPath: join(directory, "batches.safetensors"),
    weightsPath: join(directory, "weights.safetensors"),
    numThreads: machineThreads.intraOp,
    batchSize: workload.batchSize,
    numClasses: workload.numClasses,
    learningRate,
  };
  writeBatches(order.batchesPath, workload, synthesize(workload, numSteps, seed));
  const notes: string[] = [];
  const started: Started[] = [];
  for (const spec of specs) {
    scope.log(`${workload.name}: ${spec.name} starts`);
    try {
      const subject = await start(scope, spec, order);
      started.push(subject);
      // The second step at the latest has everything in place; a whole round settles caches and allocators.
      await subject.process.step(numSteps);
    } catch (cause) {
      const problem = `${spec.name} cannot train the ${workload.name}: ${firstLine(cause)}`;
      if (!spec.isOptional) throw new Error(problem, { cause });
      scope.log(problem);
      notes.push(problem);
    }
  }
  checkEqualWork(workload, started);
  const rounds = await interleave<Record<string, Stepped>>(
    scope.rounds(7, 2),
    Object.fromEntries(started.map(({ spec, process }) => [spec.name, () => process.step(numSteps)])),
  );
  const measured = started.map(({ spec, ready, firstLoss, process }): Measured => {
    const own = rounds.map((round) => round[spec.name]!);
    return {
      subject: spec,
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

interface Started {
  readonly spec: SubjectSpec;
  readonly process: Subject;
  readonly ready: Ready;
  readonly firstLoss: number;
}

async function start(scope: BenchScope, spec: SubjectSpec, order: Omit<SubjectOrder, "variant">): Promise<Started> {
  const [process, ready] = await Subject.start(spec.command, { ...order, variant: spec.variant });
  scope.defer(() => process.close());
  const { loss: firstLoss } = await process.step(1);
  return { spec, process, ready, firstLoss };
}

/** Fails when subjects have different models: their times would compare nothing. */
export function checkEqualWork(
  workload: Pick<Workload, "name">,
  subjects: readonly {
    readonly spec: Pick<SubjectSpec, "name">;
    readonly ready: Pick<Ready, "numParameters">;
    readonly firstLoss: number;
  }[],
): void {
  const [reference] = subjects;
  if (reference === undefined) return;
  const tolerance = lossTolerance[workload.name] ?? defaultLossTolerance;
  for (const { spec, ready, firstLoss } of subjects) {
    const sameSize = ready.numParameters === reference.ready.numParameters;
    const sameLoss = Math.abs(firstLoss / reference.firstLoss - 1) <= tolerance;
    if (sameSize && sameLoss) continue;
    throw new Error(
      `the ${workload.name} of ${spec.name} has ${ready.numParameters} parameters and a first loss of ${formatNumber(firstLoss)}, that of ${reference.spec.name} ${reference.ready.numParameters} and ${formatNumber(reference.firstLoss)}`,
    );
  }
}

function firstLine(cause: unknown): string {
  return (cause instanceof Error ? cause.message : String(cause)).trim().split("\n")[0] ?? "";
}
