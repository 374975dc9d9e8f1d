import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { policySchema } from "@anneal/contracts";
import { type FeedPlan, type OpenDataset, openDataset, openFeed, trainingPlan } from "@anneal/data";
import { numRingSlots, plainRung } from "@anneal/policy";
import type { DataOrder, DataReply, RunRequest } from "../protocol.ts";
import { serve } from "../serve.ts";
import type { TallyResult } from "../tally.ts";
import type { ConsumerData } from "./consumer-thread.ts";
import { datasetOf } from "./datasets.ts";

const numSlots = numRingSlots(plainRung(policySchema.parse({}).memory));

/** Anneal: the feed as a trainer has it, and a thread in the engine's place that consumes its batches. */
await serve<DataOrder, RunRequest, DataReply>(async (order) => {
  let opening: Promise<OpenDataset> | null = null;
  return {
    first: { type: "loaded", version: `Node ${process.versions.node}` },
    async answer(request, startedAt) {
      opening ??= openDataset(datasetOf(order));
      const { batchSize, seed } = order;
      const plan = trainingPlan({ train: await opening, validation: null, batchSize, seed, epochs: request.numEpochs });
      return { type: "ran", ...(await consume(plan, (ring) => ({ ring, request, startedAt }))) };
    },
  };
});

async function consume(plan: FeedPlan, dataOf: (ring: ConsumerData["ring"]) => ConsumerData) {
  const feed = openFeed({ plan, startItem: 0, numSlots });
  const consumer = new Worker(new URL("./consumer-thread.ts", import.meta.url), { workerData: dataOf(feed.handles) });
  try {
    feed.start();
    const [result] = (await once(consumer, "message")) as [TallyResult];
    return result;
  } finally {
    await feed.close();
    await consumer.terminate();
  }
}
