import { fileURLToPath } from "node:url";
import { tensorflowEnvironment } from "@anneal/runtime";
import { type BenchResult, type BenchScope, rowsOf } from "../../harness/bench.ts";
import { interleave } from "../../harness/interleave.ts";
import { formatNumber } from "../../harness/render.ts";
import { machineThreads } from "../../subjects/mnist.ts";
import { TalkingProcess } from "../../subjects/talking-process.ts";
import { orderFor } from "../order.ts";
import { dataWorkloads } from "../workloads.ts";
import type { ArticleOrder, ArticleReply, ArticleWay, TrainedEpochs, TrainRequest } from "./protocol.ts";

/** A feed is opened for as many, as a training opens one. */
const epochsPerRound = 2;

/** One training on pictures, some epochs a round: fed by a loop in one thread, and by the pipeline. Both must come to the same bits. */
export async function compareFeeding(scope: BenchScope): Promise<BenchResult> {
  const workload = dataWorkloads.find(({ name }) => name === "jpeg")!;
  scope.log("makes the pictures, unless they are there");
  const order = await orderFor(scope, workload);
  if (order.data.kind !== "jpeg") throw new Error(`the pictures are ${order.data.kind}`);
  const { data } = order;
  const ways = {
    naive: await start(scope, { ...order, data, variant: "naive" }),
    pipeline: await start(scope, { ...order, data, variant: "pipeline" }),
  };
  const rounds = await interleave<Record<ArticleWay, TrainedEpochs>>(scope.rounds(3, 1), ways);
  const [naive, pipeline] = (["naive", "pipeline"] as const).map((way) => rounds.map((round) => round[way])) as [
    TrainedEpochs[],
    TrainedEpochs[],
  ];
  requireSameBits(naive, pipeline);
  const seconds = (epochs: readonly TrainedEpochs[]) => epochs.map(({ elapsedMs }) => elapsedMs / 1_000);
  const what = {
    workload: `training on ${workload.title}, rotated as well`,
    metric: `time of ${epochsPerRound} epochs`,
    unit: "s",
  } as const;
  const total = (epochs: readonly TrainedEpochs[]) => seconds(epochs).reduce((sum, value) => sum + value, 0);
  return {
    rows: [
      rowsOf("data").compared(
        { ...what, peer: "load, preprocess and train in one thread", better: "lower" },
        seconds(pipeline),
        seconds(naive),
      ),
    ],
    notes: [
      `all ${rounds.length * epochsPerRound} epochs: ${formatNumber(total(naive))} s in one thread, ${formatNumber(total(pipeline))} s by the pipeline: ${formatNumber(total(naive) / total(pipeline))} times as fast; in the engine ${formatNumber(engineShare(naive))} and ${formatNumber(engineShare(pipeline))} % of it`,
      `the same batches (sha256 ${pipeline.at(-1)!.batchDigest.slice(0, 16)}…) and the same weights (${pipeline.at(-1)!.weightDigest.slice(0, 16)}…) in both; loss ${pipeline.map(({ loss }) => formatNumber(loss)).join(", ")}`,
    ],
    details: { naive, pipeline },
  };
}

async function start(scope: BenchScope, order: ArticleOrder): Promise<(round: number) => Promise<TrainedEpochs>> {
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
  return (round) => {
    scope.log(`${order.variant}: round ${round + 1}`);
    const request: TrainRequest = { type: "train", firstEpoch: round * epochsPerRound, numEpochs: epochsPerRound };
    return subject.ask("trained", request);
  };
}

function requireSameBits(naive: readonly TrainedEpochs[], pipeline: readonly TrainedEpochs[]): void {
  naive.forEach((epoch, at) => {
    for (const what of ["numSamples", "batchDigest", "weightDigest"] as const) {
      if (epoch[what] === pipeline[at]![what]) continue;
      throw new Error(
        `round ${at + 1}: the ${what} is ${epoch[what]} in one thread and ${pipeline[at]![what]} by the pipeline`,
      );
    }
  });
}

function engineShare(epochs: readonly TrainedEpochs[]): number {
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  return (100 * sum(epochs.map(({ engineMs }) => engineMs))) / sum(epochs.map(({ elapsedMs }) => elapsedMs));
}
