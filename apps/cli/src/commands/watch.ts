import { annealHome } from "@anneal/checkpoint";
import type { Command } from "commander";
import type { CommandResult } from "../output.ts";
import { attach } from "../runs/attach.ts";
import { openSession } from "../temporal/endpoint.ts";
import { type CommonOptions, defineCommand, finish } from "./define.ts";

export function watchCommand(): Command {
  return defineCommand(
    "watch <run>",
    "Follow a run to its end; the exit code is that of its outcome, Ctrl-C leaves it running",
    "anneal watch mnist-1",
  ).action((runId: string, options: CommonOptions) => finish(options, watch(annealHome(), runId)));
}

async function watch(home: string, runId: string): Promise<CommandResult> {
  await using session = await openSession(home);
  return await attach(home, session, runId);
}
