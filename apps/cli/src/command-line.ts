import { AnnealError } from "@anneal/contracts";
import { CommanderError } from "commander";
import { printError } from "./output.ts";
import { buildProgram } from "./program.ts";

/** Runs one command line and ends the process with its exit code. */
export async function runCommandLine(argv: readonly string[]): Promise<never> {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0); // the reader has what it wanted: `anneal list | head`
    throw error;
  });
  const asJson = argv.includes("--json");
  try {
    await buildProgram().parseAsync([...argv]);
  } catch (error) {
    if (!(error instanceof CommanderError)) printError(error, asJson);
    else if (error.exitCode !== 0) printError(usageError(error), asJson);
  }
  process.exit();
}

/** Commander's complaint as an error like all others. Without a command it shows the help, which says it all. */
function usageError({ code, message }: CommanderError): AnnealError {
  if (code === "commander.help") return new AnnealError("USAGE", "No command was given.", "See anneal --help");
  return new AnnealError("USAGE", message.replace(/^error: /, ""), "See anneal --help, or --help of the command.");
}
