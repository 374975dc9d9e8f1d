import { setTimeout as delay } from "node:timers/promises";
import { AnnealError } from "@anneal/contracts";
import { type Endpoint, grpcCode, grpcCodes } from "../temporal/endpoint.ts";

const pollMs = 400;
/** A server restart takes seconds; one that is away for longer is not coming back by itself. */
const unreachableLimitMs = 120_000;

/**
 * Asks a server that may be restarted meanwhile, until it answers.
 *
 * @param signal ends asking: the answer is null then
 * @throws AnnealError SERVER_UNREACHABLE after two minutes; whatever else `ask` throws
 */
export async function patiently<Answer>(
  endpoint: Endpoint,
  ask: () => Promise<Answer>,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<Answer | null> {
  let unreachableSinceMs: number | null = null;
  while (!signal.aborted) {
    try {
      const answer = await ask();
      if (unreachableSinceMs !== null) say("the server answers again");
      return answer;
    } catch (error) {
      if (!isPassing(error)) throw error;
      if (unreachableSinceMs === null) say("the Temporal server does not answer; trying again");
      unreachableSinceMs ??= Date.now();
      if (Date.now() - unreachableSinceMs > unreachableLimitMs) throw unreachable(endpoint, error);
    }
    await delay(pollMs, undefined, { signal }).catch(() => {});
  }
  return null;
}

function isPassing(error: unknown): boolean {
  const code = grpcCode(error);
  return code === grpcCodes.unavailable || code === grpcCodes.deadlineExceeded;
}

function unreachable(endpoint: Endpoint, cause: unknown): AnnealError {
  return new AnnealError(
    "SERVER_UNREACHABLE",
    `The Temporal server at ${endpoint.address} has not answered for two minutes.`,
    "The run goes on when the server is back; then follow it with anneal watch.",
    { address: endpoint.address },
    { cause },
  );
}
