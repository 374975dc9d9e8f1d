import { statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { policySchema, type RunSpec, runSpecSchema } from "@anneal/contracts";
import { type Bench, rowsOf } from "../harness/bench.ts";
import { interleave } from "../harness/interleave.ts";
import { formatNumber } from "../harness/render.ts";
import { DirectRun } from "../subjects/direct-run.ts";
import { machineThreads } from "../subjects/mnist.ts";
import { peakMemoryMiB, resetPeakMemory } from "../subjects/process-usage.ts";

const recipePath = fileURLToPath(new URL("../article/recipe.ts", import.meta.url));
const leastAccuracy = 0.995;

/** One run, with what it has to show at its end. */
interface Finished {
  readonly accuracy: number;
  readonly loss: number;
  readonly modelMB: number;
  readonly peakMiB: number;
}

/**
 * The article's example, real: a model of 200 MB, trained and stored in float32, and in bfloat16, where it has 100 MB. Two whole
 * trainings of the same seed and the same batches, in turns; judged by the weights that their last checkpoints hold.
 */
export const article: Bench = {
  name: "article",
  measures: "a model of 200 MB in float32, in bfloat16: size, accuracy as stored, time of the whole training",
  async run(scope) {
    const parameters = scope.choose({}, { width: 128 });
    const numRounds = scope.rounds(4, 2);
    const home = scope.temporaryDirectory();
    const start = async (format: "float32" | "bfloat16") => {
      const run = await DirectRun.start(home, format, specOf(format, parameters, scope.choose(undefined, 4)));
      scope.defer(() => run.close());
      scope.log(`${format}: ${formatNumber(run.plan.numParameters / 1e6)} million parameters`);
      return run;
    };
    const runs = { float32: await start("float32"), bfloat16: await start("bfloat16") };
    const { totalSteps, numParameters, batchSize } = runs.float32.plan;
    for (const { pid } of Object.values(runs)) resetPeakMemory(pid);
    const untilStep = (round: number) => Math.round((totalSteps * (round + 1)) / numRounds);
    const trainRound = (format: keyof typeof runs) => async (round: number) => {
      const segment = await runs[format].train(untilStep(round) - untilStep(round - 1));
      scope.log(`${format}: step ${untilStep(round)} of ${totalSteps}, ${formatNumber(segment.elapsedMs / 1_000)} s`);
      return segment;
    };
    const rounds = await interleave(numRounds, {
      float32: trainRound("float32"),
      bfloat16: trainRound("bfloat16"),
    });
    const [float32, bfloat16] = [await finish(runs.float32), await finish(runs.bfloat16)];

    const workload = `dense ${formatNumber(numParameters / 1e6)} M on MNIST, ${totalSteps} steps of ${batchSize}`;
    const { compared } = rowsOf("article");
    const row = (metric: string, unit: string, better: "higher" | "lower", values: (one: Finished) => number) =>
      compared({ workload, metric, unit, peer, better }, [values(bfloat16)], [values(float32)]);
    const elapsed = (side: "float32" | "bfloat16") => rounds.map((round) => round[side].elapsedMs / 1_000);
    const total = (side: "float32" | "bfloat16") => elapsed(side).reduce((sum, seconds) => sum + seconds, 0);
    const share = bfloat16.accuracy / float32.accuracy;
    return {
      rows: [
        row("model file", "MB", "lower", ({ modelMB }) => modelMB),
        row("accuracy as stored", "of 10,000 images", "higher", ({ accuracy }) => accuracy),
        compared(
          { workload, metric: "time of a round", unit: "s", peer, better: "lower" },
          elapsed("bfloat16"),
          elapsed("float32"),
        ),
        row("peak memory of the process", "MiB", "lower", ({ peakMiB }) => peakMiB),
      ],
      notes: [
        `model.safetensors: ${formatMB(float32)} in float32, ${formatMB(bfloat16)} in bfloat16`,
        `accuracy of what is stored: ${formatPercent(float32.accuracy)} (loss ${formatNumber(float32.loss)}) and ${formatPercent(bfloat16.accuracy)} (loss ${formatNumber(bfloat16.loss)}): ${formatPercent(share)} of float32's, ${share >= leastAccuracy ? "not less than" : "LESS THAN"} the ${formatPercent(leastAccuracy)} wanted`,
        `whole training, checkpoints included: ${formatNumber(total("float32"))} s and ${formatNumber(total("bfloat16"))} s: ${formatNumber(total("float32") / total("bfloat16"))} times as fast`,
      ],
    };
  },
};

const peer = "float32";

function specOf(format: "float32" | "bfloat16", parameters: object, maxSteps: number | undefined): RunSpec {
  return runSpecSchema.parse({
    recipe: { name: "article", path: recipePath },
    parameters,
    threads: machineThreads,
    policy: policySchema.parse({ precision: format, weightStorage: format }),
    // One at the end of each round, and none but the last kept: each has the optimizer's state too, three times the model's size.
    checkpoint: { everyMs: 86_400_000, keepLast: 1, keepBest: 0 },
    ...(maxSteps === undefined ? {} : { maxSteps }),
  });
}

async function finish(run: DirectRun): Promise<Finished> {
  const peakMiB = peakMemoryMiB(run.pid);
  const { metrics, checkpoint } = await run.evaluate();
  const modelMB = statSync(join(checkpoint.path, "model.safetensors")).size / 1e6;
  await run.close();
  return { accuracy: metrics.accuracy ?? Number.NaN, loss: metrics.loss ?? Number.NaN, modelMB, peakMiB };
}

function formatMB({ modelMB }: Finished): string {
  return `${modelMB.toFixed(1)} MB`;
}

function formatPercent(share: number): string {
  return `${(100 * share).toFixed(2)} %`;
}
