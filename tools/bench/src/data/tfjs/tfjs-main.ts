import { loadTensorflow, type Tfjs } from "@anneal/runtime";
import type { Tensor, TensorContainer } from "@tensorflow/tfjs";
import { machineThreads } from "../../subjects/mnist.ts";
import type { DataOrder, DataReply, RunRequest } from "../protocol.ts";
import { serve } from "../serve.ts";
import { Tally } from "../tally.ts";
import type { Batches } from "./batches.ts";
import { digitBatches } from "./digits.ts";
import { pictureBatches } from "./pictures.ts";
import { tableBatches } from "./table.ts";

/** The peer: @tensorflow/tfjs-data on tfjs-node, as its users write it. */
await serve<DataOrder, RunRequest, DataReply>(async (order) => {
  const { tf, version } = loadTensorflow({
    numIntraOpThreads: machineThreads.intraOp,
    numInterOpThreads: machineThreads.interOp,
  });
  let batches: Batches | null = null;
  return {
    first: { type: "loaded", version: `tfjs-data ${tf.version["tfjs-data"]}, TensorFlow ${version}` },
    async answer({ numEpochs, ...request }, startedAt) {
      const tally = new Tally(request, startedAt, order.batchSize);
      batches ??= open(tf, order);
      for (let epoch = 0; epoch < numEpochs; epoch += 1) {
        const iterator = await batches.iterator();
        for (;;) {
          const before = performance.now();
          const { value, done } = await iterator.next();
          if (done) break;
          const { xs, ys } = value as unknown as { readonly xs: Tensor; readonly ys: Tensor };
          tally.consume(
            () => xs.dataSync() as Float32Array,
            () => ys.dataSync() as Int32Array,
            xs.shape[0] ?? 0,
            performance.now() - before,
          );
          tf.dispose(value as TensorContainer);
        }
        tally.endEpoch();
      }
      return { type: "ran", ...tally.result };
    },
  };
});

function open(tf: Tfjs, order: DataOrder): Batches {
  const { data } = order;
  if (data.kind === "jpeg") return pictureBatches(tf, order, data);
  if (data.kind === "csv") return tableBatches(tf, order, data);
  return digitBatches(tf, order, data);
}
