import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { AnnealError } from "@anneal/contracts";
import { repositoryPath } from "../home.ts";
import type { Endpoint } from "../temporal/endpoint.ts";
import { openLog } from "./log-file.ts";

const readyLimitMs = 60_000;

export function workerLogPath(home: string): string {
  return join(home, "worker", "worker.log");
}

/** Starts the Temporal worker. It says `{"type": "ready"}` over IPC, and ends itself when that channel closes. */
export function spawnWorker(home: string, endpoint: Endpoint): ChildProcess {
  const log = openLog(workerLogPath(home));
  const child = fork(repositoryPath("apps", "worker", "src", "main.ts"), [], {
    detached: true,
    execArgv: [],
    stdio: ["ignore", log.descriptor, log.descriptor, "ipc"],
    env: workerEnvironment(home, endpoint),
  });
  log.close();
  return child;
}

/** The worker reads its server from the environment. Settings meant for another server must not reach a local one. */
function workerEnvironment(home: string, { address, namespace, isLocal }: Endpoint): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !isLocal || !name.startsWith("TEMPORAL_"));
  return {
    ...Object.fromEntries(inherited),
    ANNEAL_HOME: home,
    TEMPORAL_ADDRESS: address,
    TEMPORAL_NAMESPACE: namespace,
    // No such file: otherwise the one in the person's home folder would be read.
    ...(isLocal ? { TEMPORAL_CONFIG_FILE: join(home, "server", "no-config.toml") } : {}),
  };
}

/** Resolves when the worker polls for tasks. */
export async function waitForWorker(child: ChildProcess, signal: AbortSignal): Promise<void> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(readyLimitMs)]);
  try {
    for (;;) {
      const [message] = (await once(child, "message", { signal: limit })) as [{ type?: unknown }];
      if (message.type === "ready") return;
    }
  } catch (cause) {
    throw workerNotReady(cause);
  }
}

function workerNotReady(cause: unknown): AnnealError {
  return new AnnealError(
    "STACK_FAILED",
    "The worker did not become ready.",
    "Its log says why: worker/worker.log in ANNEAL_HOME.",
    {},
    { cause },
  );
}
