import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Broker } from "@anneal/provision";
import { tensorflowEnvironment } from "@anneal/runtime";
import { TopicWriter } from "@anneal/topics";
import { type Bench, type BenchScope, rowsOf } from "../harness/bench.ts";
import { interleave } from "../harness/interleave.ts";
import { formatNumber } from "../harness/render.ts";
import { type KafkaOrder, type KafkaOutcome, numClasses, recordBytes } from "../kafka/protocol.ts";
import { machineThreads } from "../subjects/mnist.ts";

const run = promisify(execFile);
const numPartitions = 3;

/** Records of a topic into the engine, and a training that preprocesses them: against loops as one writes them first. */
export const kafka: Bench = {
  name: "kafka",
  measures:
    "records/s from a topic into the engine, against a bare consumer; training against consume-then-train; memory",
  async run(scope) {
    const broker = await Broker.start({ log: (line) => scope.log(line), heapMiB: 1_024 });
    scope.defer(() => broker[Symbol.asyncDispose]());
    const numRecords = scope.choose(2_000_000, 20_000);
    const numTrained = scope.choose(300_000, 5_000);
    scope.log(`writes ${formatNumber(numRecords + numTrained)} records`);
    await writeRecords(broker.address, "all", numRecords);
    await writeRecords(broker.address, "trained", numTrained);
    const way = (name: KafkaOrder["way"], topic: string, count: number) => () =>
      measure(scope, { way: name, broker: broker.address, topic, numRecords: count });
    const reading = await interleave(scope.rounds(5, 1), {
      bare: way("bare", "all", numRecords),
      engine: way("engine", "all", numRecords),
    });
    const training = await interleave(scope.rounds(3, 1), {
      naive: way("naive", "trained", numTrained),
      pipeline: way("pipeline", "trained", numTrained),
    });
    const { compared, measured } = rowsOf("kafka");
    const perSecond = ({ numRecords: count, elapsedMs, openedMs }: KafkaOutcome) =>
      (count * 1_000) / (elapsedMs - openedMs);
    const engine = reading.map((round) => round.engine);
    const records = `${formatNumber(numRecords)} records of ${recordBytes} bytes, ${numPartitions} partitions`;
    const trained = `${formatNumber(numTrained)} records that are preprocessed`;
    return {
      rows: [
        compared(
          {
            workload: records,
            metric: "into the engine",
            unit: "records/s",
            peer: "a bare consumer loop",
            better: "higher",
          },
          engine.map(perSecond),
          reading.map((round) => perSecond(round.bare)),
        ),
        measured(
          { workload: records, metric: "looked through before the first batch", unit: "s" },
          engine.map(({ openedMs }) => openedMs / 1_000),
        ),
        measured(
          { workload: records, metric: "memory that grows over the second half of them", unit: "MiB" },
          engine.map(growthOf),
        ),
        compared(
          { workload: trained, metric: "training, all of it", unit: "s", peer: "consume, then train", better: "lower" },
          training.map(({ pipeline }) => pipeline.elapsedMs / 1_000),
          training.map(({ naive }) => naive.elapsedMs / 1_000),
        ),
      ],
      notes: [
        `resident while ${formatNumber(numRecords)} records went through: ${engine.map(({ residentMiB }) => formatNumber(Math.max(...residentMiB))).join(", ")} MiB at most`,
      ],
      details: { reading, training },
    };
  },
};

/** In a process of its own. */
async function measure(scope: BenchScope, order: KafkaOrder): Promise<KafkaOutcome> {
  scope.log(`${order.way}: ${order.topic}`);
  const { intraOp, interOp } = machineThreads;
  const env = { ...process.env, ...tensorflowEnvironment({ numIntraOpThreads: intraOp, numInterOpThreads: interOp }) };
  const main = fileURLToPath(new URL("../kafka/subject-main.ts", import.meta.url));
  const args = ["--disable-warning=ExperimentalWarning", main, JSON.stringify(order)];
  const { stdout } = await run(process.execPath, args, { env, maxBuffer: 2 ** 26 });
  const outcome = JSON.parse(stdout.trim().split("\n").at(-1)!) as KafkaOutcome;
  if (outcome.numRecords === order.numRecords) return outcome;
  throw new Error(`${order.way} got ${outcome.numRecords} of ${order.numRecords} records`);
}

/** The most that is resident in the last quarter of a run, less the most in its second one, when all has begun. */
function growthOf({ residentMiB }: KafkaOutcome): number {
  const quarter = Math.max(1, Math.floor(residentMiB.length / 4));
  return Math.max(...residentMiB.slice(-quarter)) - Math.max(...residentMiB.slice(quarter, 2 * quarter));
}

async function writeRecords(broker: string, topic: string, numRecords: number): Promise<void> {
  await using writer = await TopicWriter.open({ brokers: [broker], topic, numPartitions });
  const perWrite = 10_000;
  for (let first = 0; first < numRecords; first += perWrite) {
    const records = Array.from({ length: Math.min(perWrite, numRecords - first) }, (_, i) => {
      const value = Buffer.alloc(recordBytes);
      for (let k = 0; k < 16; k += 1) value.writeFloatLE(Math.sin(first + i + k), 4 * k);
      value.writeInt32LE((first + i) % numClasses, 64);
      return { value };
    });
    await writer.write(records);
  }
}
