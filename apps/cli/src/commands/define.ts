import { Command } from "commander";
import { type CommandResult, printResult } from "../output.ts";

/** Options that every command has. */
export interface CommonOptions {
  readonly json?: true;
}

/**
 * A command of `anneal` with its `--json` and its example. `handler` returns what is printed on stdout.
 *
 * @param usage commander's `name <argument> [optional]`
 */
export function defineCommand(usage: string, summary: string, example: string): Command {
  const [name = "", ...args] = usage.split(" ");
  const command = defineGroup(name, summary, example);
  if (args.length > 0) command.arguments(args.join(" "));
  return command.option("--json", "print one JSON document on stdout, logs on stderr");
}

/** A command that only has commands below it: an option of its own would take theirs away. */
export function defineGroup(name: string, summary: string, example: string): Command {
  return new Command(name)
    .summary(summary)
    .description(`${summary}.`)
    .addHelpText("after", `\nExample:\n${example.replace(/^/gm, "  ")}`);
}

/** Prints what a handler returns. Errors travel up to `main`, which prints them. */
export async function finish(options: CommonOptions, result: Promise<CommandResult>): Promise<void> {
  printResult(await result, options.json === true);
}
