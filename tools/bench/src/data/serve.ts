import { writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { inspect } from "node:util";

interface Served<Request, Reply> {
  /** Said once it is loaded. */
  readonly first: Reply;
  /** @param startedAt when the request came, in ms by the clock: `timeOrigin + now()` */
  readonly answer: (request: Request, startedAt: number) => Promise<Reply>;
}

/** The other side of a `TalkingProcess`: answers its requests one after another until it goes. */
export async function serve<Order, Request, Reply extends { readonly type: string }>(
  load: (order: Order) => Promise<Served<Request, Reply>>,
): Promise<void> {
  const reply = (message: Reply | { readonly type: "failed"; readonly message: string }): void => {
    writeSync(3, `${JSON.stringify(message)}\n`);
  };
  try {
    const { first, answer } = await load(JSON.parse(process.argv[2] ?? "{}") as Order);
    reply(first);
    for await (const line of createInterface({ input: process.stdin })) {
      const startedAt = performance.timeOrigin + performance.now();
      reply(await answer(JSON.parse(line) as Request, startedAt));
    }
  } catch (cause) {
    reply({ type: "failed", message: inspect(cause) });
  }
  // Threads would keep the process.
  process.exit();
}
