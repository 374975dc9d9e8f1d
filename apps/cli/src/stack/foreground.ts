import { exitCodes } from "@anneal/contracts";
import { ensureTemporalCli } from "@anneal/provision";
import type { Interrupts } from "../interrupts.ts";
import { connectSession, environmentEndpoint, localEndpoint, type Session } from "../temporal/endpoint.ts";
import { type Log, startStack } from "./stack.ts";
import type { StackState } from "./state.ts";
import { Supervisor } from "./supervisor.ts";

/** A stack for the length of one command. Disposing ends it, unless it was there before. */
export interface ForegroundStack extends AsyncDisposable {
  readonly session: Session;
  /** False when the stack of an earlier `up` is used. */
  readonly isOurs: boolean;
}

/** Uses the running stack, or runs one under this very process, which ends it with its own end. */
export async function openForegroundStack(home: string, log: Log, interrupts: Interrupts): Promise<ForegroundStack> {
  const supervisor = new Supervisor({
    home,
    temporalPath: async () => (await ensureTemporalCli({ log })).path,
    log,
  });
  interrupts.onForce(() => {
    supervisor.kill();
    process.exit(exitCodes.interrupted);
  });
  const stopEarly = (): void => void supervisor.stop();
  interrupts.signal.addEventListener("abort", stopEarly, { once: true });
  try {
    const own = await supervisor.start();
    const state = own ?? (await startStack(home, log)).state;
    const session = await connectSession(endpointOf(state));
    return {
      session,
      isOurs: own !== null,
      async [Symbol.asyncDispose]() {
        await session[Symbol.asyncDispose]();
        await supervisor.stop();
      },
    };
  } catch (error) {
    await supervisor.stop();
    interrupts.signal.throwIfAborted();
    throw error;
  } finally {
    interrupts.signal.removeEventListener("abort", stopEarly);
  }
}

function endpointOf(state: StackState): ReturnType<typeof localEndpoint> {
  return (state.mode === "remote" ? environmentEndpoint() : null) ?? localEndpoint(state);
}
