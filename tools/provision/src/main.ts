import { once } from "node:events";
import { AnnealError, failureTable, toAnnealError } from "@anneal/contracts";
import { Broker } from "./broker.ts";
import { ensureAll } from "./ensureAll.ts";
import { ensureKafka } from "./kafka.ts";

const log = (line: string): void => console.error(line);

/** What is asked for; without a word, what every run needs. */
const commands: Readonly<Record<string, () => Promise<void>>> = {
  "": async () => {
    const { tensorflow, temporal } = await ensureAll({ log });
    log(`TensorFlow ${tensorflow.tensorflowVersion} (${tensorflow.device}): ${tensorflow.addonPath}`);
    log(`Temporal CLI ${temporal.version}: ${temporal.path}`);
  },
  kafka: async () => {
    const { version, jars } = await ensureKafka({ log });
    log(`Kafka ${version}: ${jars}`);
  },
  "kafka start": async () => {
    await using broker = await Broker.start({ log });
    console.log(broker.address);
    log("A broker for trying things out: its data is gone when it ends. End it with Ctrl-C.");
    await Promise.race(["SIGINT", "SIGTERM"].map((signal) => once(process, signal)));
  },
};

try {
  const asked = process.argv.slice(2).join(" ");
  const command = commands[asked];
  if (command === undefined) {
    throw new AnnealError(
      "USAGE",
      `There is nothing called "${asked}" to provision.`,
      "Ask for kafka, or for nothing.",
    );
  }
  await command();
} catch (cause) {
  const error = toAnnealError(cause);
  console.error(`${error.code}: ${error.message}\n${error.remedy}`);
  process.exitCode = failureTable[error.code].exitCode;
}
