import { spawn } from "node:child_process";
import { annealHome } from "@anneal/checkpoint";
import { AnnealError } from "@anneal/contracts";
import type { Command } from "commander";
import type { CommandResult } from "../output.ts";
import { describeExecution } from "../runs/observe.ts";
import { openSession } from "../temporal/endpoint.ts";
import { type CommonOptions, defineCommand, finish } from "./define.ts";

interface OpenOptions extends CommonOptions {
  readonly browser?: true;
}

export function openCommand(): Command {
  return defineCommand("open <run>", "Print the link to a run in the Temporal UI", "anneal open mnist-1 --browser")
    .option("--browser", "open it in the browser as well")
    .action((runId: string, options: OpenOptions) => finish(options, open(annealHome(), runId, options)));
}

async function open(home: string, runId: string, options: OpenOptions): Promise<CommandResult> {
  await using session = await openSession(home);
  await describeExecution(session.client, runId);
  const uiUrl = session.runUrl(runId);
  if (uiUrl === null) {
    throw new AnnealError(
      "SERVER_UNREACHABLE",
      `Where the web UI of ${session.endpoint.address} is, is not known.`,
      "Set ANNEAL_UI_URL to its base, for example https://temporal-ui.example.",
      { address: session.endpoint.address },
    );
  }
  if (options.browser) openBrowser(uiUrl);
  return { document: { runId, uiUrl }, text: uiUrl };
}

function openBrowser(url: string): void {
  const browser = spawn("xdg-open", [url], { detached: true, stdio: "ignore" });
  browser.on("error", () => {}); // no browser here: the link is printed anyway
  browser.unref();
}
