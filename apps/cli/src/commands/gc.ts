import { annealHome } from "@anneal/checkpoint";
import { AnnealError } from "@anneal/contracts";
import { cacheDirectory } from "@anneal/runtime";
import type { Command } from "commander";
import { checkHome } from "../home.ts";
import { parseBytes, parseDurationMs } from "../options.ts";
import type { CommandResult } from "../output.ts";
import { formatCollectedCache, formatCollectedRuns } from "../render/collected.ts";
import { collectGarbage } from "../runs/collect.ts";
import { listRuns } from "../runs/list.ts";
import { findEndpoint } from "../temporal/endpoint.ts";
import { type CommonOptions, defineCommand, finish } from "./define.ts";

interface GcOptions extends CommonOptions {
  readonly dryRun?: true;
  readonly keepLast?: string;
  readonly keepBest?: string;
  readonly unusedFor: string;
  readonly maxSize?: string;
}

export function gcCommand(): Command {
  return defineCommand(
    "gc",
    "Remove old checkpoints of runs that are not active, what killed processes left behind, and data in the cache that is not used any more",
    `anneal gc --dry-run
anneal gc --keep-last 1 --keep-best 1
anneal gc --unused-for 7d --max-size 20GB`,
  )
    .option("--dry-run", "only say what there is and what would be removed")
    .option("--keep-last <n>", "newest checkpoints kept of each run (default: as its run has it)")
    .option("--keep-best <n>", "best checkpoints kept of each run (default: as its run has it)")
    .option("--unused-for <duration>", "data in the cache that nobody used for so long is removed", "30d")
    .option("--max-size <size>", "beyond so much, data in the cache that was used longest ago is removed too")
    .action((options: GcOptions) => finish(options, gc(annealHome(), options)));
}

async function gc(home: string, options: GcOptions): Promise<CommandResult> {
  checkHome(home);
  const dryRun = options.dryRun === true;
  const unusedMs = parseDurationMs(options.unusedFor, "--unused-for");
  const maxBytes = options.maxSize === undefined ? null : parseBytes(options.maxSize, "--max-size");
  const runs = await collectGarbage(home, {
    dryRun,
    keepLast: asCount(options.keepLast, "--keep-last", 1),
    keepBest: asCount(options.keepBest, "--keep-best", 0),
    activeRunIds: await findActive(home),
  });
  // With it come all kinds of data: no other command waits for them.
  const { collectCache } = await import("@anneal/sources");
  const directory = cacheDirectory();
  const entries = await collectCache(directory, { unusedMs, maxBytes, dryRun });
  const listed = entries.map((entry) => ({ ...entry, lastUsedAt: new Date(entry.lastUsedAt).toISOString() }));
  return {
    document: { dryRun, runs, cache: { directory, entries: listed } },
    text: `${formatCollectedRuns(runs, dryRun)}\n\n${formatCollectedCache(directory, entries, dryRun)}`,
  };
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
