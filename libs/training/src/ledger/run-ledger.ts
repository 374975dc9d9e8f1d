import { readLedger, writeLedger } from "@anneal/checkpoint";
import type { Ledger } from "@anneal/contracts";
import type { LedgerNews } from "./ledger-keeper.ts";
import { mergeLedger } from "./merge-ledger.ts";

/** A run's ledger in its folder. Beside the checkpoints, never in one: their digests are of what is the same each time. */
export class RunLedger {
  readonly #runDirectory: string;
  #current: Ledger | null = null;

  constructor(runDirectory: string) {
    this.#runDirectory = runDirectory;
  }

  /** Null until a step was recorded. */
  get current(): Ledger | null {
    return this.#current;
  }

  async add(news: LedgerNews): Promise<void> {
    this.#current = mergeLedger(this.#current ?? (await readLedger(this.#runDirectory)), news);
    // For people: what cannot be written is no failure.
    if (this.#current !== null) await writeLedger(this.#runDirectory, this.#current).catch(() => {});
  }
}
