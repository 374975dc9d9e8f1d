import { annealHome } from "@anneal/checkpoint";
import { ensureAll } from "@anneal/provision";
import type { Command } from "commander";
import { ensureHome } from "../home.ts";
import { type CommandResult, log } from "../output.ts";
import { formatFacts } from "../render/table.ts";
import { startStack } from "../stack/stack.ts";
import type { StackState } from "../stack/state.ts";
import { type CommonOptions, defineCommand, finish } from "./define.ts";

export function upCommand(): Command {
  return defineCommand(
    "up",
    "Start the local stack: a Temporal server with its web UI, and a worker",
    `anneal up
TEMPORAL_ADDRESS=temporal.example:7233 anneal up   # only a worker, on that server`,
  )
    .addHelpText("after", notes)
    .action((options: CommonOptions) => finish(options, up(annealHome())));
}

const notes = `
A server or a worker that dies is started again, with a growing pause; runs go on from their last checkpoint.
Ports 7233 (server) and 8233 (UI) are used where they are free, others where they are taken.`;

async function up(home: string): Promise<CommandResult> {
  ensureHome(home);
  await ensureAll({ log });
  const { state, started } = await startStack(home, log);
  return { document: describeStack(home, state), text: formatStack(home, state, started) };
}

/** The document of `up --json`. */
function describeStack(home: string, state: StackState): Record<string, unknown> {
  const { status, mode, address, namespace, uiUrl, startedAt, restarts } = state;
  return {
    status,
    mode,
    address,
    namespace,
    uiUrl,
    home,
    startedAt,
    restarts,
    pids: {
      supervisor: state.supervisor.pid,
      server: state.server?.pid ?? null,
      worker: state.worker?.pid ?? null,
    },
  };
}

function formatStack(home: string, state: StackState, started: boolean): string {
  return formatFacts([
    ["stack", started ? "started" : "already running"],
    ["server", `${state.address} (namespace ${state.namespace})${state.mode === "remote" ? ", not ours" : ""}`],
    ["UI", state.uiUrl],
    ["runs", home],
    ["stop it", "anneal down"],
  ]);
}
