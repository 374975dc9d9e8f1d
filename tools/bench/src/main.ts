/**
 * `pnpm bench [name…] [--json [FILE.json]] [--quick] [--rounds N] [--peers] [option of a bench…]`: measures Anneal against its peers, interleaved in one run.
 */
import { writeFileSync } from "node:fs";
import { toAnnealError } from "@anneal/contracts";
import { benches } from "./benches/index.ts";
import { dataWorkloadNames } from "./data/workloads.ts";
import { benchPrecisions, parseArguments } from "./harness/arguments.ts";
import { BenchScope, type Row } from "./harness/bench.ts";
import { describeMachine, formatMachine } from "./harness/machine.ts";
import { renderTable } from "./harness/render.ts";
import { workloads } from "./step/workloads.ts";

const log = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

try {
  await main();
} catch (cause) {
  fail(cause);
}

async function main(): Promise<void> {
  const options = parseArguments(
    process.argv.slice(2),
    benches.map(({ name }) => name),
  );
  if (options.help) {
    process.stdout.write(`${help()}\n`);
    return;
  }
  const { names, json, jsonFile, quick } = options;
  const machine = describeMachine();
  const date = new Date().toISOString();
  log(`${date}: ${formatMachine(machine)}${quick ? "; quick: these numbers mean little" : ""}`);
  const rows: Row[] = [];
  const notes: string[] = [];
  const details: Record<string, unknown> = {};
  for (const bench of benches.filter(({ name }) => names.includes(name))) {
    log(`${bench.name}: ${bench.measures}`);
    await using scope = new BenchScope({
      ...options,
      log: (line) => log(`${bench.name}: ${line}`),
    });
    using signals = endOnSignal(scope);
    try {
      const result = await bench.run(scope);
      rows.push(...result.rows);
      notes.push(...result.notes.map((note) => `${bench.name}: ${note}`));
      if (result.details !== undefined) details[bench.name] = result.details;
    } catch (cause) {
      // An interrupt fails whatever ran; the process ends when the scope is clean.
      await signals.ending;
      // What the other benches found is not lost.
      fail(cause);
    }
  }
  const document = `${JSON.stringify({ date, machine, quick, rows, notes, details }, null, 2)}\n`;
  if (jsonFile !== null) writeFileSync(jsonFile, document);
  if (json) {
    process.stdout.write(document);
    return;
  }
  const said = [`${date}; ${formatMachine(machine)}`, "", renderTable(rows), "", ...notes];
  process.stdout.write(`${said.join("\n")}\n`);
}

function fail(cause: unknown): void {
  const { code, message, remedy, stack } = toAnnealError(cause);
  log(`error ${code}: ${message}\n→ ${remedy}${code === "INTERNAL" ? `\n${stack ?? ""}` : ""}`);
  process.exitCode = code === "USAGE" ? 2 : 1;
}

/** An interrupted bench leaves nothing behind either. */
function endOnSignal(scope: BenchScope) {
  let ending: Promise<never> | null = null;
  const onSignal = (signal: NodeJS.Signals): void => {
    ending ??= scope[Symbol.asyncDispose]().then(
      () => process.exit(signal === "SIGINT" ? 130 : 143),
      () => process.exit(1),
    );
  };
  process.on("SIGINT", onSignal).on("SIGTERM", onSignal);
  return {
    /** Null until a signal came; never resolves. */
    get ending() {
      return ending;
    },
    [Symbol.dispose]: () => {
      process.off("SIGINT", onSignal).off("SIGTERM", onSignal);
    },
  };
}

function help(): string {
  return [
    "usage: pnpm bench [name…] [--json [FILE.json]] [--quick] [--rounds N] [--peers] [option of a bench…]",
    "",
    ...benches.map(({ name, measures }) => `  ${name.padEnd(16)} ${measures}`),
    "",
    "  --json           one JSON document with the rows in place of the table; with a file: into it, beside the table",
    "  --quick          seconds in place of minutes: shows that a bench works, not what it measures",
    "  --rounds N       rounds of every comparison",
    `  --models A,B     step and memory: some of ${workloads.map(({ name }) => name).join(", ")}`,
    `  --workloads A,B  data only: some of ${dataWorkloadNames.join(", ")}`,
    "  --article        data only: the same training, fed naively and by the pipeline",
    "  --peers          step, memory and data: Python's frameworks too, in an environment that is made in the cache (gigabytes)",
    `  --precision P    step only: ${benchPrecisions.join(" (default) or ")}`,
    "",
    "example: pnpm bench train feed --rounds 3",
  ].join("\n");
}
