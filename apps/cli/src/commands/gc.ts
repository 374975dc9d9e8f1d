import { annealHome } from "@anneal/checkpoint";
import { AnnealError } from "@anneal/contracts";
import type { Command } from "commander";
import { checkHome } from "../home.ts";
import type { CommandResult } from "../output.ts";
import { formatTable } from "../render/table.ts";
import { formatBytes } from "../render/values.ts";
import { collectGarbage } from "../runs/collect.ts";
import { listRuns } from "../runs/list.ts";
import { findEndpoint } from "../temporal/endpoint.ts";
import { type CommonOptions, defineCommand, finish } from "./define.ts";

interface GcOptions extends CommonOptions {
  readonly dryRun?: true;
  readonly keepLast?: string;
  readonly keepBest?: string;
}

export function gcCommand(): Command {
  return defineCommand(
    "gc",
    "Remove old checkpoints of runs that are not active, and what killed processes left behind",
    `anneal gc --dry-run
anneal gc --keep-last 1 --keep-best 1`,
  )
    .option("--dry-run", "only say what would be removed")
    .option("--keep-last <n>", "newest checkpoints kept of each run (default: as its run has it)")
    .option("--keep-best <n>", "best checkpoints kept of each run (default: as its run has it)")
    .action((options: GcOptions) => finish(options, gc(annealHome(), options)));
}

async function gc(home: string, options: GcOptions): Promise<CommandResult> {
  checkHome(home);
  const dryRun = options.dryRun === true;
  const collected = await collectGarbage(home, {
    dryRun,
    keepLast: asCount(options.keepLast, "--keep-last", 1),
    keepBest: asCount(options.keepBest, "--keep-best", 0),
    activeRunIds: await findActive(home),
  });
  const rows = collected.map(({ runId, checkpoints, leftovers, numBytes }) => [
    runId,
    String(checkpoints.length),
    String(leftovers.length),
    numBytes === null ? "" : formatBytes(numBytes),
  ]);
  const table = formatTable(["run", "checkpoints", "leftovers", dryRun ? "" : "freed"], rows);
  const nothing = dryRun ? "nothing to remove" : "nothing was to be removed";
  return { document: { dryRun, runs: collected }, text: rows.length === 0 ? nothing : table };
}

/** Without a server and its worker no trainer works on this machine. */
async function findActive(home: string): Promise<ReadonlySet<string>> {
  if (!findEndpoint(home)) return new Set();
  const { runs } = await listRuns(home, false, () => {});
  return new Set(
    runs.filter(({ endedAt, status }) => endedAt === null && status !== "unknown").map(({ runId }) => runId),
  );
}

function asCount(text: string | undefined, flag: string, minimum: number): number | undefined {
  if (text === undefined) return undefined;
  const count = Number(text);
  if (Number.isInteger(count) && count >= minimum) return count;
  throw new AnnealError(
    "USAGE",
    `${flag} takes a number from ${minimum} on, not "${text}".`,
    `Write for example ${flag} 1.`,
  );
}
