import { availableParallelism } from "node:os";
import { type Bench, rowsOf } from "../harness/bench.ts";
import { formatNumber } from "../harness/render.ts";
import { median } from "../harness/statistics.ts";
import { Stack } from "../subjects/stack.ts";
import { type PairOfRuns, pairsOfRuns, stepsWithin } from "../subjects/whole-runs.ts";

const peer = "loop called directly";
const fewSteps = 8;
/** Percent of the time of a run of a minute. */
const target = 3;

/**
 * A whole run by the workflow against the same trainer asked by this process for the same things: no Temporal.
 *
 * On a machine whose speed drifts by more than the target between two runs of a minute, their difference does not show
 * it. So it is also put together from two numbers that drift does not reach: what a run of few steps takes longer, and
 * the processor time of everything that a direct run lacks.
 */
export const orchestration: Bench = {
  name: "orchestration",
  measures: "a run by the workflow against the same loop called directly",
  async run(scope) {
    const maxSteps = scope.choose(await stepsWithin(scope, 60, scope.choose(300, 4)), fewSteps);
    const stack = new Stack(scope);
    const pids = await stack.up();
    const pairs = (name: string, steps: number, numRounds: number) =>
      pairsOfRuns(scope, { stack, pids, name, maxSteps: steps, numRounds });
    const short = await pairs("short", fewSteps, scope.rounds(9, 1));
    const long = await pairs("long", maxSteps, scope.rounds(5, 1));

    const fixed = short.map(({ byWorkflow, direct }) => byWorkflow - direct);
    const overheads = long.map(({ byWorkflow, direct }) => (byWorkflow / direct - 1) * 100);
    const estimates = long.map((pair) => (estimate(median(fixed), pair) / pair.direct) * 100);
    const workload = scope.choose("mnist, a minute", "mnist, seconds");
    const { measured, compared } = rowsOf("orchestration");
    const row = (metric: string, unit: string, values: readonly number[]) =>
      measured({ workload, metric, unit }, values);
    const of = (pick: (pair: PairOfRuns) => number) => long.map(pick);
    return {
      rows: [
        compared(
          { workload, metric: "run", unit: "s", peer, better: "lower" },
          of(({ byWorkflow }) => byWorkflow),
          of(({ direct }) => direct),
        ),
        row("overhead by the clock", "% of time", overheads),
        row("overhead by its parts", "% of time", estimates),
        measured({ workload: `mnist, ${fewSteps} steps`, metric: "overhead by the clock", unit: "s" }, fixed),
        row(
          "processor time of the server",
          "s",
          of(({ processor }) => processor.server),
        ),
        row(
          "processor time of the worker",
          "s",
          of(({ processor }) => processor.worker),
        ),
        row(
          "processor time of the command",
          "s",
          of(({ processor }) => processor.command),
        ),
        row(
          "the command beside its run",
          "s",
          of(({ command, byWorkflow }) => command - byWorkflow),
        ),
      ],
      notes: [
        `${maxSteps} steps, ${formatNumber(median(of(({ direct }) => direct)))} s directly, spawn to evaluation; every pair of runs ended with the same digest`,
        `overhead by the clock, pair by pair: ${overheads.map((percent) => `${formatNumber(percent)} %`).join(", ")}`,
        "overhead by its parts: what the runs of few steps take longer, and the processor time over the cores",
        `target < ${target} % of a minute: ${scope.choose(verdict(overheads, estimates), "a quick run is too short to say")}`,
      ],
    };
  },
};

/** Seconds that a run takes longer: the fixed part, and what the processors do meanwhile that is not training. */
function estimate(fixedSeconds: number, { processor }: PairOfRuns): number {
  return fixedSeconds + (processor.server + processor.worker + processor.command) / availableParallelism();
}

function verdict(overheads: readonly number[], estimates: readonly number[]): string {
  const isMet = (percent: number) => (percent < target ? "met" : "MISSED");
  const byParts = `${isMet(median(estimates))} by its parts`;
  const drift = (Math.max(...overheads) - Math.min(...overheads)) / 2;
  if (drift < target) return `${isMet(median(overheads))} by the clock, ${byParts}`;
  return `the clock cannot say (pairs differ by ± ${formatNumber(drift)} points), ${byParts}`;
}
