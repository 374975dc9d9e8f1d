/** One subject, one time: `subject-main.ts ORDER` prints its outcome. */
import { consumeBare, prepareNaive } from "./naive.ts";
import { feedEngine, preparePiped } from "./piped.ts";
import type { KafkaOrder, KafkaOutcome, KafkaWay } from "./protocol.ts";

type Found = Pick<KafkaOutcome, "numRecords" | "openedMs">;

const order = JSON.parse(process.argv[2] ?? "{}") as KafkaOrder;
const plain = (numRecords: number): Found => ({ numRecords, openedMs: 0 });

/** What is loaded and compiled beforehand is no part of what is measured. */
const prepare: Readonly<Record<KafkaWay, () => Promise<() => Promise<Found>>>> = {
  bare: async () => async () => plain(await consumeBare(order)),
  engine: async () => () => feedEngine(order),
  naive: async () => {
    const run = prepareNaive(order);
    return async () => plain(await run());
  },
  pipeline: () => preparePiped(order),
};

const run = await prepare[order.way]();
const residentMiB: number[] = [];
const watch = setInterval(() => residentMiB.push(process.memoryUsage.rss() / 2 ** 20), 100);
const startedAt = performance.now();
const found = await run();
const elapsedMs = performance.now() - startedAt;
clearInterval(watch);
process.stdout.write(`${JSON.stringify({ ...found, elapsedMs, residentMiB } satisfies KafkaOutcome)}\n`);
process.exit(0);
