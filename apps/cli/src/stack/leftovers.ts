import { endProcess, isAlive, type ProcessIdentity } from "./processes.ts";
import { findServers } from "./server-process.ts";
import { readStackState, removeStackState } from "./state.ts";

/** How long an orphan may take: its worker saves nothing (its runs resume from their last checkpoint). */
const graceMs = 10_000;

/**
 * Ends what a killed supervisor left behind: the server stays up by itself, the worker ends when its channel closes
 * but may still be on its way. They are found by `up.json`, a server also by the database on its command line (the
 * supervisor may have died before it could write, or the file was deleted). The caller knows that no supervisor lives.
 * False when there was nothing.
 */
export async function endLeftovers(home: string, log: (line: string) => void): Promise<boolean> {
  const state = readStackState(home);
  const worker = state?.worker ? [state.worker].filter(isAlive) : [];
  const servers = [...(state?.server ? [state.server] : []), ...findServers(home)];
  const left = [
    ...worker.map((identity) => ({ name: "worker", identity })),
    ...servers.filter(isAlive).map((identity) => ({ name: "server", identity })),
  ];
  for (const { name, identity } of left) await endLeftover(name, identity, log);
  removeStackState(home);
  return left.length > 0;
}

async function endLeftover(name: string, identity: ProcessIdentity, log: (line: string) => void): Promise<void> {
  if (!isAlive(identity)) return;
  log(`ends the ${name} that an earlier supervisor left behind (pid ${identity.pid})`);
  await endProcess(identity, graceMs);
}
