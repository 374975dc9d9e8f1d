import { writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { inspect } from "node:util";
import type { DataOrder, DataReply, Ran, RunRequest } from "./protocol.ts";

/** Answers the bench's requests one after another until it goes. `load` gets the framework into memory, and nothing of the data. */
export async function serve(
  load: (order: DataOrder) => Promise<{
    readonly version: string;
    readonly run: (request: RunRequest, startedAt: number) => Promise<Omit<Ran, "type">>;
  }>,
): Promise<void> {
  const reply = (message: DataReply): void => {
    writeSync(3, `${JSON.stringify(message)}\n`);
  };
  try {
    const { version, run } = await load(JSON.parse(process.argv[2] ?? "{}") as DataOrder);
    reply({ type: "loaded", version });
    for await (const line of createInterface({ input: process.stdin })) {
      const startedAt = performance.timeOrigin + performance.now();
      reply({ type: "ran", ...(await run(JSON.parse(line) as RunRequest, startedAt)) });
    }
  } catch (cause) {
    reply({ type: "failed", message: inspect(cause) });
  }
  // Threads would keep the process.
  process.exit();
}
