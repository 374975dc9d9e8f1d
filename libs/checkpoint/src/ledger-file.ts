import { readFile } from "node:fs/promises";
import { type Ledger, ledgerSchema } from "@anneal/contracts";
import { writeFileAtomic } from "./files.ts";
import { runPathsAt } from "./paths.ts";

/** `ledger.json` of a run; null where there is none that can be read: it is for people, no run needs it to go on. */
export async function readLedger(runDirectory: string): Promise<Ledger | null> {
  try {
    return ledgerSchema.parse(JSON.parse(await readFile(runPathsAt(runDirectory).ledger, "utf8")));
  } catch {
    return null;
  }
}

/** Replaces it. Throws what the disk says. */
export async function writeLedger(runDirectory: string, ledger: Ledger): Promise<void> {
  await writeFileAtomic(runPathsAt(runDirectory).ledger, `${JSON.stringify(ledger, null, 2)}\n`);
}
