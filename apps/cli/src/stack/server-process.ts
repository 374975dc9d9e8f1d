import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { AnnealError } from "@anneal/contracts";
import { connectTo, type Endpoint } from "../temporal/endpoint.ts";
import { ensureSearchAttributes } from "../temporal/search-attributes.ts";
import { openLog } from "./log-file.ts";
import type { StackPorts } from "./ports.ts";
import { findByArguments, type ProcessIdentity } from "./processes.ts";

const readyLimitMs = 60_000;

export interface ServerOptions {
  readonly temporalPath: string;
  readonly home: string;
  readonly namespace: string;
  readonly ports: StackPorts;
}

export function serverLogPath(home: string): string {
  return join(home, "server", "server.log");
}

/** The server's SQLite file: its whole memory. */
function databasePath(home: string): string {
  return join(home, "server", "temporal.db");
}

/** Living servers on that file. Not everything that has it open: a person may be looking into it. */
export function findServers(home: string): ProcessIdentity[] {
  return findByArguments("start-dev", databasePath(home));
}

/**
 * A history is deleted once the queues have noted that it is closed: every 30 s by default, which is long for a person
 * who waits for `anneal rm`.
 */
const dynamicConfig = [
  'history.transferProcessorUpdateAckInterval="1s"',
  'history.visibilityProcessorUpdateAckInterval="1s"',
];

/** Starts Temporal's development server on its SQLite file, with the web UI, on the loopback interface only. */
export function spawnServer({ temporalPath, home, namespace, ports }: ServerOptions): ChildProcess {
  mkdirSync(join(home, "server"), { recursive: true });
  const log = openLog(serverLogPath(home));
  const flags = [
    ["--ip", "127.0.0.1"],
    ["--port", String(ports.server)],
    ["--ui-port", String(ports.ui)],
    ["--db-filename", databasePath(home)],
    ["--namespace", namespace],
    ["--log-level", "warn"],
    ...dynamicConfig.flatMap((setting) => [["--dynamic-config-value", setting]]),
  ];
  // A group of its own: Ctrl-C at a terminal reaches the command, which then ends its processes in order.
  const child = spawn(temporalPath, ["server", "start-dev", ...flags.flat()], {
    detached: true,
    stdio: ["ignore", log.descriptor, log.descriptor],
  });
  log.close();
  return child;
}

/** Resolves once the server answers and the search attributes of runs can be used. */
export async function waitForServer(endpoint: Endpoint, signal: AbortSignal): Promise<void> {
  const deadline = Date.now() + readyLimitMs;
  for (;;) {
    signal.throwIfAborted();
    try {
      const connection = await connectTo(endpoint, 1_000);
      try {
        return await ensureSearchAttributes(connection, endpoint.namespace);
      } finally {
        await connection.close();
      }
    } catch (error) {
      const mayCome = error instanceof AnnealError && error.code === "SERVER_UNREACHABLE";
      // The namespace is created a moment after the port is open, so that is waited for as well.
      if ((!mayCome && !isMissingNamespace(error)) || Date.now() > deadline) throw error;
      await delay(50, undefined, { signal }).catch(() => {});
    }
  }
}

function isMissingNamespace(error: unknown): boolean {
  return error instanceof AnnealError && error.code === "STACK_FAILED" && "namespace" in error.facts;
}
