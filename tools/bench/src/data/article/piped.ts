import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { policySchema } from "@anneal/contracts";
import { itemsPerEpoch, openDataset, openFeed, trainingPlan } from "@anneal/data";
import { numRingSlots, plainRung } from "@anneal/policy";
import { heavyPictures } from "./dataset.ts";
import type { ArticleOrder, TrainedEpochs, TrainRequest } from "./protocol.ts";

const numSlots = numRingSlots(plainRung(policySchema.parse({}).memory));
/** More epochs than anybody asks for. */
const maxEpochs = 1_000;

/** The same training fed by the pipeline: its threads prepare batches while the engine's trains. */
export async function trainPiped(order: ArticleOrder) {
  const { batchSize, seed } = order;
  const train = await openDataset(heavyPictures(order.data));
  const plan = trainingPlan({ train, validation: null, batchSize, seed, epochs: maxEpochs });
  const engine = new Worker(new URL("./engine-thread.ts", import.meta.url), { workerData: order });
  await once(engine, "message");
  return async ({ firstEpoch, numEpochs }: TrainRequest) => {
    const startItem = firstEpoch * itemsPerEpoch(plan);
    const stopItem = startItem + numEpochs * itemsPerEpoch(plan);
    const feed = openFeed({ plan, startItem, stopItem, numSlots });
    try {
      feed.start();
      engine.postMessage(feed.handles);
      const [trained] = (await once(engine, "message")) as [Omit<TrainedEpochs, "elapsedMs">];
      return trained;
    } finally {
      await feed.close();
    }
  };
}
