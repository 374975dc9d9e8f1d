import { type Bench, type BenchScope, rowsOf } from "../harness/bench.ts";
import { interleave } from "../harness/interleave.ts";
import { formatNumber } from "../harness/render.ts";
import { median } from "../harness/statistics.ts";
import { DirectRun } from "../subjects/direct-run.ts";
import { mnistSpec } from "../subjects/mnist.ts";
import { processorSeconds } from "../subjects/process-usage.ts";
import { Stack } from "../subjects/stack.ts";

const runMs = 60_000;
const peer = "loop called directly";

/** A whole run by the workflow against the same trainer asked by this process for the same things: no Temporal. */
export const orchestration: Bench = {
  name: "orchestration",
  measures: "a run by the workflow against the same loop called directly",
  async run(scope) {
    const numRounds = scope.rounds(3, 1);
    const maxSteps = await chooseSteps(scope);
    const stack = new Stack(scope);
    const pids = await stack.up();
    const home = scope.temporaryDirectory();
    const spec = mnistSpec({ parameters: { epochs: 100 }, maxSteps, checkpoint: {} });

    const byWorkflow = async (round: number) => {
      const usedBefore = processorSeconds(pids.server) + processorSeconds(pids.worker);
      const startedAt = performance.now();
      const run = await stack.anneal(
        ...["train", "mnist", "--epochs", "100", "--max-steps", String(maxSteps), "--run-id", `bench-${round}`],
      );
      const commandMs = performance.now() - startedAt;
      return {
        processorMs: 1_000 * (processorSeconds(pids.server) + processorSeconds(pids.worker) - usedBefore),
        runMs: Date.parse(String(run.endedAt)) - Date.parse(String(run.startedAt)),
        commandMs,
        digest: digestOf(run),
      };
    };
    const directly = async (round: number) => {
      const startedAt = performance.now();
      const run = await DirectRun.start(home, `bench-${round}`, spec);
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
      return { runMs: performance.now() - startedAt, digest };
    };

    const rounds = await interleave(numRounds, { byWorkflow, directly });
    for (const { byWorkflow: ours, directly: theirs } of rounds) {
      if (ours.digest !== theirs.digest) throw new Error(`not the same training: ${ours.digest}, ${theirs.digest}`);
    }

    const overheads = rounds.map((round) => (round.byWorkflow.runMs / round.directly.runMs - 1) * 100);
    const workload = scope.choose("mnist, a minute", "mnist, seconds");
    const isMet = median(overheads) < 3 ? "met" : "MISSED";
    const verdict = `target < 3 % on a 60 s run: ${scope.choose(isMet, "a quick run is too short to say")}`;
    const { measured, compared } = rowsOf("orchestration");
    const seconds = (pick: (round: (typeof rounds)[number]) => number) => rounds.map((round) => pick(round) / 1_000);
    const direct = seconds((round) => round.directly.runMs);
    return {
      rows: [
        compared(
          { workload, metric: "run", unit: "s", peer, better: "lower" },
          seconds((round) => round.byWorkflow.runMs),
          direct,
        ),
        measured({ workload, metric: "overhead", unit: "% of time" }, overheads),
        measured(
          { workload, metric: "overhead", unit: "s" },
          seconds((round) => round.byWorkflow.runMs - round.directly.runMs),
        ),
        measured(
          { workload, metric: "processor time of server and worker", unit: "s" },
          seconds((round) => round.byWorkflow.processorMs),
        ),
        measured(
          { workload, metric: "the command beside its run", unit: "s" },
          seconds((round) => round.byWorkflow.commandMs - round.byWorkflow.runMs),
        ),
      ],
      notes: [
        `${maxSteps} steps, ${formatNumber(median(direct))} s directly, spawn to evaluation; ${verdict}; every pair of runs ended with the same digest`,
      ],
    };
  },
};

/** Steps that take about a minute here. Also reads every file once, which must not be one side's first round. */
async function chooseSteps(scope: BenchScope): Promise<number> {
  const numSteps = scope.choose(150, 4);
  const spec = mnistSpec({ parameters: { epochs: 100 }, maxSteps: numSteps });
  const run = await DirectRun.start(scope.temporaryDirectory(), "calibration", spec);
  scope.defer(() => run.close());
  const { elapsedMs } = await run.train(numSteps);
  await run.close();
  return scope.choose(Math.round((numSteps * runMs) / elapsedMs / 10) * 10, 8);
}

function digestOf(run: Record<string, unknown>): string {
  return String((run.checkpoint as { readonly digest?: unknown } | null)?.digest);
}
