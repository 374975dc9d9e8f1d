import { annealHome } from "@anneal/checkpoint";
import type { Command } from "commander";
import { checkHome } from "../home.ts";
import { type CommandResult, log } from "../output.ts";
import { stopStack } from "../stack/stack.ts";
import { type CommonOptions, defineCommand, finish } from "./define.ts";

export function downCommand(): Command {
  return defineCommand(
    "down",
    "Stop the local stack; runs save a checkpoint first and go on at the next up",
    "anneal down",
  ).action((options: CommonOptions) => finish(options, down(annealHome())));
}

async function down(home: string): Promise<CommandResult> {
  checkHome(home);
  const stopped = await stopStack(home, log);
  return { document: { stopped }, text: stopped ? "stopped" : "nothing was running" };
}
