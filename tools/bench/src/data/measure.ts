import type { BenchScope } from "../harness/bench.ts";
import { interleave } from "../harness/interleave.ts";
import { formatNumber } from "../harness/render.ts";
import { treeMemoryMiB, watchTreeMemory } from "../subjects/process-tree.ts";
import { TalkingProcess } from "../subjects/talking-process.ts";
import { checkEqualBatches } from "./equal-batches.ts";
import { orderFor } from "./order.ts";
import type { BatchStatistics, DataOrder, DataReply, EpochTimes, RunRequest } from "./protocol.ts";
import { type DataSubjectSpec, dataSpecs } from "./subject-specs.ts";
import type { DataWorkload } from "./workloads.ts";

/** What one subject did on one workload. */
export interface MeasuredData {
  readonly spec: DataSubjectSpec;
  /** Of the framework. */
  readonly version: string;
  readonly statistics: BatchStatistics;
  /** The very first epoch, from nothing. */
  readonly first: EpochTimes;
  /** By round: an epoch that follows another, as fast as it goes. Of a slow subject the same one in each. */
  readonly later: readonly EpochTimes[];
  /** By round: epochs with a consumer that takes its time. None of a slow subject. */
  readonly consumed: readonly (readonly EpochTimes[])[];
  /** Of the process and all that it starts, above what it has with its framework loaded and no data. */
  readonly peakMiB: number;
  readonly baseMiB: number;
}

export interface DataWorkloadResult {
  readonly workload: DataWorkload;
  readonly numSamples: number;
  readonly consumeMs: number;
  readonly measured: readonly MeasuredData[];
  /** What could not be measured: sentences. */
  readonly notes: readonly string[];
}

/** Whoever takes longer for an epoch runs no more than the two that everybody has to: dozens more would take hours. */
const slowEpochMs = 60_000;

/** A subject that has passed over the data twice: for the time, and for the check of what it makes. */
interface Begun {
  readonly spec: DataSubjectSpec;
  readonly version: string;
  readonly statistics: BatchStatistics;
  readonly first: EpochTimes;
  /** The epoch of the check. */
  readonly checked: EpochTimes;
  readonly baseMiB: number;
  /** Of the whole tree while it was watched. */
  readonly peaksMiB: number[];
  /** Runs as many epochs; memory is watched only where the time does not matter. */
  readonly run: (numEpochs: number, consumeMs: number) => Promise<readonly EpochTimes[]>;
  readonly runWatched: (numEpochs: number, consumeMs: number) => Promise<readonly EpochTimes[]>;
  readonly close: () => Promise<void>;
}

/** Each subject in a process that stays, idle, while the others take their turns. */
export async function measureData(scope: BenchScope, workload: DataWorkload): Promise<DataWorkloadResult> {
  scope.log(`${workload.name}: makes its data, unless they are there`);
  const order = await orderFor(scope, workload);
  const begun: Begun[] = [];
  const notes: string[] = [];
  for (const spec of await dataSpecs(scope, workload)) {
    scope.log(`${workload.name}: ${spec.name}`);
    try {
      begun.push(await begin(scope, spec, { ...order, variant: spec.variant }));
    } catch (cause) {
      const problem = `${spec.name} cannot feed ${workload.name}: ${cause instanceof Error ? cause.message : cause}`;
      if (!spec.isOptional) throw new Error(problem, { cause });
      scope.log(problem);
      notes.push(problem);
    }
  }
  checkEqualBatches(workload, order.numSamples, begun);
  const brisk = begun.filter(({ first }) => first.elapsedMs <= slowEpochMs);
  for (const { spec, first } of begun.filter((subject) => !brisk.includes(subject))) {
    notes.push(
      `${workload.name}: ${spec.name} took ${formatNumber(first.elapsedMs / 1_000)} s for an epoch: the one that its batches were checked in counts as its later one, and it had no consumer`,
    );
  }
  const inTurn = (numRounds: number, measure: (subject: Begun) => Promise<readonly EpochTimes[]>) =>
    interleave<Record<string, readonly EpochTimes[]>>(
      numRounds,
      Object.fromEntries(brisk.map((subject) => [subject.spec.name, () => measure(subject)])),
    );
  scope.log(`${workload.name}: epochs in turn`);
  const rounds = await inTurn(scope.rounds(3, 1), ({ run }) => run(2, 0));
  const consumeMs = scope.choose(workload.consumeMs, 1);
  scope.log(`${workload.name}: epochs in turn, each batch in use for ${consumeMs} ms`);
  const consuming = await inTurn(scope.rounds(2, 1), ({ runWatched }) => runWatched(3, consumeMs));
  for (const { close } of begun) await close();
  const measured = begun.map(({ spec, version, statistics, first, checked, baseMiB, peaksMiB }) => ({
    spec,
    version,
    statistics,
    first,
    later: rounds.map((round) => round[spec.name]?.at(-1) ?? checked),
    consumed: consuming.flatMap((round) => (round[spec.name] === undefined ? [] : [round[spec.name]!])),
    baseMiB,
    peakMiB: Math.max(...peaksMiB) - baseMiB,
  }));
  return { workload, numSamples: order.numSamples, consumeMs, measured, notes };
}

async function begin(scope: BenchScope, spec: DataSubjectSpec, order: DataOrder): Promise<Begun> {
  const subject = new TalkingProcess<DataReply>(spec.command, order);
  scope.defer(() => subject.close());
  const ask = (numEpochs: number, consumeMs: number, checks: boolean) =>
    subject.ask("ran", { type: "run", numEpochs, consumeMs, checks } satisfies RunRequest);
  const { version } = await subject.next("loaded");
  const baseMiB = treeMemoryMiB(subject.pid);
  const peaksMiB: number[] = [];
  const runWatched = async (numEpochs: number, consumeMs: number) => {
    using memory = watchTreeMemory(subject.pid);
    const { epochs } = await ask(numEpochs, consumeMs, false);
    peaksMiB.push(memory.peakMiB());
    return epochs;
  };
  const [first] = await runWatched(1, 0);
  const { statistics, epochs } = await ask(1, 0, true);
  const [checked] = epochs;
  if (first === undefined || checked === undefined || statistics === null)
    throw new Error("it has not run the epochs it was asked for");
  return {
    spec,
    version,
    statistics,
    first,
    checked,
    baseMiB,
    peaksMiB,
    run: async (numEpochs, consumeMs) => (await ask(numEpochs, consumeMs, false)).epochs,
    runWatched,
    close: () => subject.close(),
  };
}
