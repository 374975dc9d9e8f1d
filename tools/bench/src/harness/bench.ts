import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BenchPrecision } from "./arguments.ts";
import { median, relativeSpread, roundRatios } from "./statistics.ts";

/** One number that a bench found. */
export interface Row {
  readonly bench: string;
  readonly workload: string;
  readonly metric: string;
  readonly value: number;
  readonly unit: string;
  /** What it was compared with in the same run, round by round; null where nothing compares. */
  readonly peer: string | null;
  /** Median of the rounds' ratios; > 1 means that we are better. */
  readonly ratio: number | null;
  /** Half the range over the rounds, relative to the median: of the ratio where there is one, else of the value. */
  readonly spread: number | null;
}

export interface BenchResult {
  readonly rows: readonly Row[];
  /** What a reader needs beside the numbers: sentences. */
  readonly notes: readonly string[];
  /** All that was measured, for the document alone. */
  readonly details?: unknown;
}

export interface Bench {
  readonly name: string;
  /** One line for `--help`. */
  readonly measures: string;
  readonly run: (scope: BenchScope) => Promise<BenchResult>;
}

export interface BenchSettings {
  /** Seconds in place of minutes: shows that a bench works, not what it measures. */
  readonly quick: boolean;
  /** Overrides the number of rounds of every bench. */
  readonly rounds: number | null;
  /** Models of the step and memory benches; all of theirs when null. */
  readonly models: readonly string[] | null;
  /** Workloads of the data bench; all of them when null. */
  readonly workloads: readonly string[] | null;
  /** Whether the data bench trains, fed naively and by the pipeline. */
  readonly article: boolean;
  /** Whether Python peers are measured too. */
  readonly peers: boolean;
  /** What the step bench's steps are computed in. */
  readonly precision: BenchPrecision;
  readonly log: (line: string) => void;
}

/** What a bench is given. Whatever it starts or makes is deferred here, and is gone when the bench ends, however. */
export class BenchScope {
  readonly settings: BenchSettings;
  readonly #cleanUp = new AsyncDisposableStack();

  constructor(settings: BenchSettings) {
    this.settings = settings;
  }

  /** `full`, or `quick` with `--quick`. */
  choose<T>(full: T, quick: T): T {
    return this.settings.quick ? quick : full;
  }

  rounds(full: number, quick: number): number {
    return this.settings.rounds ?? this.choose(full, quick);
  }

  log(line: string): void {
    this.settings.log(line);
  }

  /** Cleaned up in reverse order. */
  defer(cleanUp: () => void | Promise<void>): void {
    this.#cleanUp.defer(cleanUp);
  }

  temporaryDirectory(): string {
    const path = mkdtempSync(join(tmpdir(), "anneal-bench-"));
    // A process that has just ended may still be closing files in there.
    this.defer(() => rmSync(path, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 }));
    return path;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#cleanUp.disposeAsync();
  }
}

interface Measurement {
  readonly workload: string;
  readonly metric: string;
  readonly unit: string;
}

/** Makes the rows of one bench. */
export function rowsOf(bench: string) {
  return {
    /** The median of what was measured, compared with nothing. */
    measured: (what: Measurement, values: readonly number[]): Row => ({
      bench,
      ...what,
      value: median(values),
      peer: null,
      ratio: null,
      spread: relativeSpread(values),
    }),

    /** The median of ours, and the median of the ratios to a peer that was measured in the same rounds. */
    compared: (
      what: Measurement & { readonly peer: string; readonly better: "higher" | "lower" },
      ours: readonly number[],
      peers: readonly number[],
    ): Row => {
      const { workload, metric, unit, peer, better } = what;
      const ratios = roundRatios(ours, peers, better);
      const [value, ratio, spread] = [median(ours), median(ratios), relativeSpread(ratios)];
      return { bench, workload, metric, value, unit, peer, ratio, spread };
    },
  };
}
