import { fileURLToPath } from "node:url";
import { tensorflowEnvironment } from "@anneal/runtime";
import { type BenchResult, type BenchScope, rowsOf } from "../../harness/bench.ts";
import { interleave } from "../../harness/interleave.ts";
import { formatNumber } from "../../harness/render.ts";
import { machineThreads } from "../../subjects/mnist.ts";
import { TalkingProcess } from "../../subjects/talking-process.ts";
import { orderFor } from "../order.ts";
import { dataWorkloads } from "../workloads.ts";
import type { ArticleOrder, ArticleReply, ArticleWay, TrainedEpoch, TrainRequest } from "./protocol.ts";

/** One training on pictures, epoch by epoch: fed by a loop in one thread, and by the pipeline. Both must come to the same bits. */
export async function compareFeeding(scope: BenchScope): Promise<BenchResult> {
  const workload = dataWorkloads.find(({ name }) => name === "jpeg")!;
  scope.log("makes the pictures, unless they are there");
  const order = await orderFor(scope, workload);
  const ways = {
    naive: await start(scope, { ...order, variant: "naive" }),
    pipeline: await start(scope, { ...order, variant: "pipeline" }),
  };
  const rounds = await interleave<Record<ArticleWay, TrainedEpoch>>(scope.rounds(3, 1), ways);
  const [naive, pipeline] = (["naive", "pipeline"] as const).map((way) => rounds.map((round) => round[way])) as [
    TrainedEpoch[],
    TrainedEpoch[],
  ];
  requireSameBits(naive, pipeline);
  const seconds = (epochs: readonly TrainedEpoch[]) => epochs.map(({ elapsedMs }) => elapsedMs / 1_000);
  const what = { workload: `training on ${workload.title}`, metric: "time of an epoch", unit: "s" } as const;
  const total = (epochs: readonly TrainedEpoch[]) => seconds(epochs).reduce((sum, value) => sum + value, 0);
  return {
    rows: [
      rowsOf("data").compared(
        { ...what, peer: "load, preprocess and train in one thread", better: "lower" },
        seconds(pipeline),
        seconds(naive),
      ),
    ],
    notes: [
      `all ${rounds.length} epochs: ${formatNumber(total(naive))} s in one thread, ${formatNumber(total(pipeline))} s by the pipeline: ${formatNumber(total(naive) / total(pipeline))} times as fast; in the engine ${formatNumber(engineShare(naive))} and ${formatNumber(engineShare(pipeline))} % of it`,
      `the same batches (sha256 ${pipeline.at(-1)!.batchDigest.slice(0, 16)}…) and the same weights (${pipeline.at(-1)!.weightDigest.slice(0, 16)}…) in both; loss ${pipeline.map(({ loss }) => formatNumber(loss)).join(", ")}`,
    ],
    details: { naive, pipeline },
  };
}

async function start(scope: BenchScope, order: ArticleOrder): Promise<(epoch: number) => Promise<TrainedEpoch>> {
  scope.log(order.variant);
  const { intraOp, interOp } = machineThreads;
  const env = {
    ...process.env,
    ...tensorflowEnvironment({ numIntraOpThreads: intraOp, numInterOpThreads: interOp }),
    TMPDIR: scope.temporaryDirectory(),
    // Files are read and images decoded in libuv's threads: of these too a naive loop has one.
    ...(order.variant === "naive" && { UV_THREADPOOL_SIZE: "1" }),
  };
  const main = fileURLToPath(new URL("./article-main.ts", import.meta.url));
  const args = ["--disable-warning=ExperimentalWarning", main];
  const subject = new TalkingProcess<ArticleReply>({ file: process.execPath, args, env }, order);
  scope.defer(() => subject.close());
  await subject.next("ready");
  return (epoch) => {
    scope.log(`${order.variant}: epoch ${epoch + 1}`);
    return subject.ask("trained", { type: "train", epoch } satisfies TrainRequest);
  };
}

function requireSameBits(naive: readonly TrainedEpoch[], pipeline: readonly TrainedEpoch[]): void {
  naive.forEach((epoch, at) => {
    for (const what of ["numSamples", "batchDigest", "weightDigest"] as const) {
      if (epoch[what] === pipeline[at]![what]) continue;
      throw new Error(
        `epoch ${at + 1}: the ${what} is ${epoch[what]} in one thread and ${pipeline[at]![what]} by the pipeline`,
      );
    }
  });
}

function engineShare(epochs: readonly TrainedEpoch[]): number {
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  return (100 * sum(epochs.map(({ engineMs }) => engineMs))) / sum(epochs.map(({ elapsedMs }) => elapsedMs));
}
