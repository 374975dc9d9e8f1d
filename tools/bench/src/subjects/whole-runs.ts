import type { BenchScope } from "../harness/bench.ts";
import { interleave } from "../harness/interleave.ts";
import { DirectRun } from "./direct-run.ts";
import { mnistSpec } from "./mnist.ts";
import { processorSeconds } from "./process-usage.ts";
import type { Stack } from "./stack.ts";

/** The same whole run both ways, in seconds. */
export interface PairOfRuns {
  readonly direct: number;
  /** The workflow's execution, from its start to its end. */
  readonly byWorkflow: number;
  /** The whole `anneal train`, which also starts and ends. */
  readonly command: number;
  /** Processor time within the run of all that a direct run lacks. */
  readonly processor: { readonly server: number; readonly worker: number; readonly command: number };
}

interface PairOptions {
  readonly stack: Stack;
  readonly pids: { readonly server: number; readonly worker: number };
  /** Begins the runs' ids. */
  readonly name: string;
  readonly maxSteps: number;
  readonly numRounds: number;
}

/** Runs in turn: by `anneal train`, and by a trainer that this process asks for the same things. */
export async function pairsOfRuns(scope: BenchScope, options: PairOptions): Promise<readonly PairOfRuns[]> {
  const { stack, pids, name, maxSteps, numRounds } = options;
  const home = scope.temporaryDirectory();

  const byWorkflow = async (round: number) => {
    const usedBefore = { server: processorSeconds(pids.server), worker: processorSeconds(pids.worker) };
    const startedAt = performance.now();
    const flags = ["--epochs", String(epochs), "--max-steps", String(maxSteps), "--run-id", `${name}-${round}`];
    const { document, processor } = await stack.measure("train", "mnist", ...flags);
    return {
      command: (performance.now() - startedAt) / 1_000,
      run: (Date.parse(String(document.endedAt)) - Date.parse(String(document.startedAt))) / 1_000,
      digest: digestOf(document),
      processor: {
        server: processorSeconds(pids.server) - usedBefore.server,
        worker: processorSeconds(pids.worker) - usedBefore.worker,
        command: processor,
      },
    };
  };

  const directly = async (round: number) => {
    const spec = mnistSpec({ parameters: { epochs }, maxSteps, checkpoint: {} });
    const startedAt = performance.now();
    const run = await DirectRun.start(home, `${name}-${round}`, spec);
    scope.defer(() => run.close());
    let digest = "";
    for (let step = 0; step < maxSteps; ) {
      // As the workflow does it: a segment an epoch.
      const numSteps = Math.min(run.plan.stepsPerEpoch, maxSteps - step);
      digest = (await run.train(numSteps)).result.checkpoint.digest;
      step += numSteps;
    }
    await run.evaluate();
    await run.close();
    return { run: (performance.now() - startedAt) / 1_000, digest };
  };

  const rounds = await interleave(numRounds, { byWorkflow, directly });
  return rounds.map(({ byWorkflow: { command, run, digest, processor }, directly: direct }) => {
    if (digest !== direct.digest) throw new Error(`not the same training: ${digest}, ${direct.digest}`);
    return { direct: direct.run, byWorkflow: run, command, processor };
  });
}

/** More than any of these runs reaches. */
const epochs = 100;

/** Steps that take about `seconds` here. Also reads every file once, which must not be one side's first round. */
export async function stepsWithin(scope: BenchScope, seconds: number, numSteps: number): Promise<number> {
  const spec = mnistSpec({ parameters: { epochs }, maxSteps: numSteps });
  const run = await DirectRun.start(scope.temporaryDirectory(), "calibration", spec);
  scope.defer(() => run.close());
  const { elapsedMs } = await run.train(numSteps);
  await run.close();
  return Math.ceil((numSteps * seconds * 1_000) / elapsedMs / 10) * 10;
}

function digestOf(run: Record<string, unknown>): string {
  return String((run.checkpoint as { readonly digest?: unknown } | null)?.digest);
}
