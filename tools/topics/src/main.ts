/**
 * Fills topics, to try training from them:
 *   node tools/topics/src/main.ts clicks [--broker localhost:9092] [--topic clicks] [--rate 2000] [--count N] [--seed 1]
 *   node tools/topics/src/main.ts mnist [--broker localhost:9092] [--topic mnist]
 */
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { AnnealError, failureTable, toAnnealError } from "@anneal/contracts";
import { ClickStream } from "./clicks.ts";
import { writeMnist } from "./mnist.ts";
import { TopicWriter } from "./topic-writer.ts";

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    broker: { type: "string", default: "localhost:9092" },
    topic: { type: "string" },
    partitions: { type: "string", default: "3" },
    rate: { type: "string", default: "2000" },
    count: { type: "string", default: "Infinity" },
    seed: { type: "string", default: "1" },
    users: { type: "string", default: "1000" },
    items: { type: "string", default: "500" },
  },
});

const fillings: Readonly<Record<string, (writer: TopicWriter) => Promise<void>>> = {
  clicks: writeClicks,
  mnist: writeMnist,
};

try {
  const [name = ""] = positionals;
  const fill = fillings[name];
  if (fill === undefined)
    throw new AnnealError("USAGE", `There is nothing called "${name}" to write.`, "Ask for clicks or mnist.");
  await using writer = await TopicWriter.open({
    brokers: [values.broker],
    topic: values.topic ?? name,
    numPartitions: Number(values.partitions),
  });
  await fill(writer);
} catch (cause) {
  const error = toAnnealError(cause);
  console.error(`${error.code}: ${error.message}\n${error.remedy}`);
  process.exitCode = failureTable[error.code].exitCode;
}

/** So many events a second, ten times a second, until it is ended or all are written. */
async function writeClicks(writer: TopicWriter): Promise<void> {
  const { users, items, seed, rate, count } = values;
  const stream = new ClickStream({ numUsers: Number(users), numItems: Number(items), seed: Number(seed) });
  const perTurn = Math.max(1, Math.round(Number(rate) / 10));
  for (let left = Number(count); left > 0; left -= perTurn) {
    const events = Array.from({ length: Math.min(perTurn, left) }, () => stream.next());
    // By user: all events of one are in one partition, in their order.
    await writer.write(events.map((event) => ({ key: String(event.user), value: JSON.stringify(event) })));
    if (left > perTurn) await delay(100);
  }
}
