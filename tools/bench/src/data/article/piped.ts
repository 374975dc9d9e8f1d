import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { policySchema } from "@anneal/contracts";
import { itemsPerEpoch, openDataset, openFeed, trainingPlan } from "@anneal/data";
import { numRingSlots, plainRung } from "@anneal/policy";
import { datasetOf } from "../anneal/datasets.ts";
import type { DataOrder } from "../protocol.ts";
import type { TrainedEpoch } from "./protocol.ts";

const numSlots = numRingSlots(plainRung(policySchema.parse({}).memory));
/** More epochs than anybody asks for. */
const epochs = 1_000;

/** The same training fed by the pipeline: its threads prepare batches while the engine's trains. */
export async function trainPiped(order: DataOrder) {
  const { batchSize, seed } = order;
  const train = await openDataset(datasetOf(order));
  const plan = trainingPlan({ train, validation: null, batchSize, seed, epochs });
  const engine = new Worker(new URL("./engine-thread.ts", import.meta.url), { workerData: order });
  await once(engine, "message");
  return async (epoch: number) => {
    const startItem = epoch * itemsPerEpoch(plan);
    const feed = openFeed({ plan, startItem, stopItem: startItem + itemsPerEpoch(plan), numSlots });
    try {
      feed.start();
      engine.postMessage(feed.handles);
      const [trained] = (await once(engine, "message")) as [Omit<TrainedEpoch, "elapsedMs">];
      return trained;
    } finally {
      await feed.close();
    }
  };
}
