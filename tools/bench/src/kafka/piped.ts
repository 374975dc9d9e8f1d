import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { policySchema } from "@anneal/contracts";
import { type Feed, kafkaTopic, openDataset, openFeed, trainingPlan, transform } from "@anneal/data";
import { numRingSlots, plainRung } from "@anneal/policy";
import { runRing } from "../subjects/ring-run.ts";
import { batchSize, type KafkaOrder, numClasses, recordInputs, recordLabels } from "./protocol.ts";

const numSlots = numRingSlots(plainRung(policySchema.parse({}).memory));

async function planOf({ broker, topic }: KafkaOrder, preprocesses: boolean) {
  const records = kafkaTopic({
    connection: { brokers: [broker] },
    topic,
    format: { kind: "raw" },
    inputs: recordInputs,
    labels: recordLabels,
    numClasses,
    // In the topic's own order, as a consumer gets them.
  }).shuffle(false);
  const declared = preprocesses ? records.map(transform(import.meta.resolve("./preprocess.ts"))) : records;
  const train = await openDataset(declared);
  return trainingPlan({ train, validation: null, batchSize, seed: 1, epochs: 1 });
}

/** The pipeline with nobody behind it but who takes its batches: after the topic was looked through. */
export async function feedEngine(order: KafkaOrder) {
  const startedAt = performance.now();
  const plan = await planOf(order, false);
  const openedMs = performance.now() - startedAt;
  const stopItem = Math.ceil(order.numRecords / batchSize);
  // As a trainer's reports do, ten times a second: what is used is counted, and let go.
  const onFeed = (feed: Feed) =>
    setInterval(() => feed.topicPositionAt(Math.floor(feed.stats().numSamples / batchSize)), 100).unref();
  const { numSamples } = await runRing({ plan, startItem: 0, stopItem, work: { kind: "drain" }, onFeed });
  return { numRecords: numSamples, openedMs };
}

/** The same training as the naive loop's, fed by the pipeline while the engine trains. */
export async function preparePiped(order: KafkaOrder) {
  const engine = new Worker(new URL("./engine-thread.ts", import.meta.url), { workerData: order });
  await once(engine, "message");
  return async () => {
    const startedAt = performance.now();
    const plan = await planOf(order, true);
    const openedMs = performance.now() - startedAt;
    const feed = openFeed({ plan, startItem: 0, numSlots });
    feed.start();
    engine.postMessage(feed.handles);
    const [numRecords] = (await once(engine, "message")) as [number];
    await feed.close();
    await engine.terminate();
    return { numRecords, openedMs };
  };
}
