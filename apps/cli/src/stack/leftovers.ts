import { endProcess, findByArgument, isAlive, type ProcessIdentity } from "./processes.ts";
import { databasePath } from "./server-process.ts";
import { readStackState, removeStackState } from "./state.ts";

/** How long an orphan may take: its worker saves nothing (its runs resume from their last checkpoint). */
const graceMs = 10_000;

/**
 * Ends what a killed supervisor left behind: the server stays up by itself, the worker ends when its channel closes
 * but may still be on its way. They are found by `up.json`, a server also by the database on its command line (the
 * supervisor may have died before it could write, or the file was deleted). The caller knows that no supervisor lives.
 */
export async function endLeftovers(home: string, log: (line: string) => void): Promise<void> {
  const state = readStackState(home);
  if (state?.worker) await endLeftover("worker", state.worker, log);
  const servers = [...(state?.server ? [state.server] : []), ...findByArgument(databasePath(home))];
  for (const server of servers) await endLeftover("server", server, log);
  removeStackState(home);
}

async function endLeftover(name: string, identity: ProcessIdentity, log: (line: string) => void): Promise<void> {
  if (!isAlive(identity)) return;
  log(`ends the ${name} that an earlier supervisor left behind (pid ${identity.pid})`);
  await endProcess(identity, graceMs);
}
