import { parseArgs } from "node:util";
import { AnnealError } from "@anneal/contracts";

/** Those that a CPU has fast kernels for. */
export const benchPrecisions = ["float32", "bfloat16"] as const;
export type BenchPrecision = (typeof benchPrecisions)[number];

export interface BenchArguments {
  /** Names of benches; all when none is given. */
  readonly names: readonly string[];
  /** Whether the document is printed in place of the table. */
  readonly json: boolean;
  /** Where the document is written, beside the table; null for nowhere. */
  readonly jsonFile: string | null;
  readonly quick: boolean;
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
  readonly help: boolean;
}

/** Reads the command line. Throws USAGE. */
export function parseArguments(args: readonly string[], known: readonly string[]): BenchArguments {
  const { jsonFile, rest } = takeJsonFile(args);
  const { values, positionals } = parse(rest);
  const unknown = positionals.find((name) => !known.includes(name));
  if (unknown !== undefined) throw usage(`there is no bench called "${unknown}"`, `Use some of: ${known.join(", ")}.`);
  const rounds = values.rounds === undefined ? null : Number(values.rounds);
  if (rounds !== null && !(Number.isInteger(rounds) && rounds >= 1)) {
    throw usage(`--rounds takes a whole number from 1, not "${values.rounds}"`, "Write for example --rounds 5.");
  }
  const { precision = "float32" } = values;
  if (!isBenchPrecision(precision)) {
    throw usage(`--precision takes no "${precision}"`, `Use one of: ${benchPrecisions.join(", ")}.`);
  }
  const { json = false, quick = false, peers = false, article = false, help = false } = values;
  const names = positionals.length > 0 ? [...new Set(positionals)] : known;
  const listOf = (text: string | undefined) => text?.split(",") ?? null;
  const [models, workloads] = [listOf(values.models), listOf(values.workloads)];
  return { names, json, jsonFile, quick, rounds, models, workloads, article, peers, precision, help };
}

function isBenchPrecision(text: string): text is BenchPrecision {
  return (benchPrecisions as readonly string[]).includes(text);
}

/** `--json FILE.json` is taken out: an option whose value may be missing is none that `parseArgs` knows. */
function takeJsonFile(args: readonly string[]): { readonly jsonFile: string | null; readonly rest: readonly string[] } {
  const at = args.findIndex((arg, index) => arg === "--json" && args[index + 1]?.endsWith(".json"));
  if (at === -1) return { jsonFile: null, rest: args };
  return { jsonFile: args[at + 1] ?? null, rest: args.toSpliced(at, 2) };
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
        models: { type: "string" },
        workloads: { type: "string" },
        article: { type: "boolean" },
        peers: { type: "boolean" },
        precision: { type: "string" },
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
