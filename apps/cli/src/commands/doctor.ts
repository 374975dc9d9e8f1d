import { annealHome } from "@anneal/checkpoint";
import { exitCodes } from "@anneal/contracts";
import { checkPrerequisites, type PrerequisiteRow } from "@anneal/provision";
import type { Command } from "commander";
import type { CommandResult } from "../output.ts";
import { formatTable } from "../render/table.ts";
import { runningStack } from "../stack/stack.ts";
import { connectSession, findEndpoint } from "../temporal/endpoint.ts";
import { type CommonOptions, defineCommand, finish } from "./define.ts";

export function doctorCommand(): Command {
  return defineCommand(
    "doctor",
    "Check every prerequisite, its version and how to mend it; exit code 8 when one is missing",
    "anneal doctor",
  ).action((options: CommonOptions) => finish(options, doctor(annealHome())));
}

async function doctor(home: string): Promise<CommandResult> {
  const rows = await checkPrerequisites();
  const stack = await describeServer(home);
  const missing = rows.filter(({ ok }) => !ok);
  const verdict = missing.length === 0 ? "Everything is there." : "Mend it:";
  const remedies = missing.map(({ name, remedy }) => `  ${name}: ${remedy}`);
  return {
    document: { ok: missing.length === 0, prerequisites: rows, stack },
    text: [formatPrerequisites(rows), "", `stack: ${stack.text}`, "", verdict, ...remedies].join("\n"),
    exitCode: missing.length === 0 ? exitCodes.ok : exitCodes.environment,
  };
}

function formatPrerequisites(rows: readonly PrerequisiteRow[]): string {
  return formatTable(
    ["", "what", "found", "needed"],
    rows.map(({ ok, name, found, needed }) => [ok ? "ok" : "MISSING", name, found, needed]),
  );
}

/** The server that commands would talk to, and whether it answers. A stack that is down is nothing to mend. */
async function describeServer(home: string): Promise<{ readonly running: boolean; readonly text: string }> {
  const stack = runningStack(home);
  const worker = stack?.worker ? `worker ${stack.worker.pid}` : "no worker on this machine";
  try {
    const endpoint = findEndpoint(home);
    if (!endpoint) return { running: false, text: "not running (start it: anneal up)" };
    await using session = await connectSession(endpoint);
    return { running: true, text: `${session.endpoint.address} answers; ${worker}; UI ${endpoint.uiUrl ?? "unknown"}` };
  } catch (error) {
    return { running: false, text: error instanceof Error ? error.message : String(error) };
  }
}
