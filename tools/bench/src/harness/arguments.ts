import { parseArgs } from "node:util";
import { AnnealError } from "@anneal/contracts";

export interface BenchArguments {
  /** Names of benches; all when none is given. */
  readonly names: readonly string[];
  readonly json: boolean;
  readonly quick: boolean;
  readonly rounds: number | null;
  readonly help: boolean;
}

/** Reads the command line. Throws USAGE. */
export function parseArguments(args: readonly string[], known: readonly string[]): BenchArguments {
  const { values, positionals } = parse(args);
  const unknown = positionals.find((name) => !known.includes(name));
  if (unknown !== undefined) throw usage(`there is no bench called "${unknown}"`, `Use some of: ${known.join(", ")}.`);
  const rounds = values.rounds === undefined ? null : Number(values.rounds);
  if (rounds !== null && !(Number.isInteger(rounds) && rounds >= 1)) {
    throw usage(`--rounds takes a whole number from 1, not "${values.rounds}"`, "Write for example --rounds 5.");
  }
  const { json = false, quick = false, help = false } = values;
  return { names: positionals.length > 0 ? [...new Set(positionals)] : known, json, quick, rounds, help };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        json: { type: "boolean" },
        quick: { type: "boolean" },
        rounds: { type: "string" },
        help: { type: "boolean", short: "h" },
      },
    });
  } catch (cause) {
    throw usage(cause instanceof Error ? cause.message : String(cause), "See pnpm bench --help.", cause);
  }
}

function usage(message: string, remedy: string, cause?: unknown): AnnealError {
  return new AnnealError("USAGE", message, remedy, {}, { cause });
}
