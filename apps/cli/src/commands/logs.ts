import { annealHome } from "@anneal/checkpoint";
import type { Command } from "commander";
import type { CommandResult } from "../output.ts";
import { followLogs, readLogs } from "../runs/logs.ts";
import { type CommonOptions, defineCommand, finish } from "./define.ts";

interface LogsOptions extends CommonOptions {
  readonly follow?: true;
}

export function logsCommand(): Command {
  return defineCommand("logs <run>", "Print the logs of a run's trainers on this machine", "anneal logs mnist-1 -f")
    .option("-f, --follow", "print what is added, until Ctrl-C")
    .action((runId: string, options: LogsOptions) => finish(options, logs(annealHome(), runId, options)));
}

async function logs(home: string, runId: string, options: LogsOptions): Promise<CommandResult> {
  if (options.follow) {
    await followLogs(home, runId, (text) => process.stdout.write(text));
    return { document: null, text: "" };
  }
  const files = await readLogs(home, runId);
  return { document: { runId, logs: files }, text: files.map(({ text }) => text.trimEnd()).join("\n") };
}
