import { exitCodes } from "@anneal/contracts";
import { Command } from "commander";
import manifest from "../package.json" with { type: "json" };
import { cancelCommand } from "./commands/cancel.ts";
import { compareCommand } from "./commands/compare.ts";
import { demoCommand } from "./commands/demo.ts";
import { doctorCommand } from "./commands/doctor.ts";
import { downCommand } from "./commands/down.ts";
import { evalCommand } from "./commands/eval.ts";
import { explainCommand } from "./commands/explain.ts";
import { exportCommand } from "./commands/export.ts";
import { gcCommand } from "./commands/gc.ts";
import { initCommand } from "./commands/init.ts";
import { inspectCommand } from "./commands/inspect.ts";
import { listCommand } from "./commands/list.ts";
import { logsCommand } from "./commands/logs.ts";
import { openCommand } from "./commands/open.ts";
import { predictCommand } from "./commands/predict.ts";
import { provenanceCommand } from "./commands/provenance.ts";
import { resumeCommand } from "./commands/resume.ts";
import { rmCommand } from "./commands/rm.ts";
import { scheduleCommand } from "./commands/schedule.ts";
import { statusCommand } from "./commands/status.ts";
import { trainCommand } from "./commands/train.ts";
import { upCommand } from "./commands/up.ts";
import { watchCommand } from "./commands/watch.ts";

/** In the order of `--help`. */
const commands = [
  upCommand,
  downCommand,
  doctorCommand,
  initCommand,
  trainCommand,
  compareCommand,
  explainCommand,
  statusCommand,
  watchCommand,
  logsCommand,
  listCommand,
  resumeCommand,
  cancelCommand,
  evalCommand,
  predictCommand,
  exportCommand,
  inspectCommand,
  provenanceCommand,
  rmCommand,
  gcCommand,
  scheduleCommand,
  openCommand,
  demoCommand,
];

/** What each exit code means; printed by `anneal --help`. */
const exitCodeMeanings: Readonly<Record<keyof typeof exitCodes, string>> = {
  ok: "done",
  unexpected: "a defect of Anneal, or an error without a code",
  usage: "the command line is wrong",
  input: "the recipe, a parameter, the data or a checkpoint is wrong",
  notFound: "no such run, recipe, schedule or checkpoint",
  conflict: "exists already, is active, is complete, or was edited since",
  runFailed: "the run failed",
  unavailable: "no Temporal server, or the local stack does not start",
  environment: "this machine lacks something: see anneal doctor",
  cancelled: "the run was cancelled",
  interrupted: "interrupted by Ctrl-C: a run that was watched goes on, the demo's stops with a checkpoint",
};

const environmentHelp = `
Environment:
  ANNEAL_HOME          runs and the local stack (default: .anneal in the repository)
  ANNEAL_CACHE         downloads and builds, shared (default: ~/.cache/anneal)
  ANNEAL_DEVICE        cpu (default) or gpu
  ANNEAL_MAX_TRAINERS  runs that the worker trains at a time (default: 1); further ones queue
  ANNEAL_TRAINER_LAUNCHER   a command that starts trainers, such as "prlimit --data=4000000000"
  ANNEAL_UI_URL        base of the web UI that belongs to TEMPORAL_ADDRESS
  ANNEAL_DEBUG=1       stack traces with errors
  TEMPORAL_ADDRESS     use this server instead of a local one; TEMPORAL_NAMESPACE, TEMPORAL_TLS,
                       TEMPORAL_API_KEY, TEMPORAL_PROFILE, … as everywhere with Temporal`;

/** The whole command line. */
export function buildProgram(): Command {
  const program = new Command("anneal")
    .description("Durable model training: runs that survive kill -9, in the Temporal UI, resumed bit for bit.")
    .version(manifest.version)
    .helpCommand(false)
    .addHelpText("after", () => `${environmentHelp}\n\n${exitCodeHelp()}\n`)
    .addHelpText("after", "Example:\n  anneal demo\n  anneal train mnist --epochs 3\n  anneal watch <run>");
  for (const command of commands) program.addCommand(command());
  // A wrong command line is reported like every other error, with exit code 2: commander must not end the process.
  for (const command of allCommands(program)) command.exitOverride().configureOutput({ writeErr: () => {} });
  return program;
}

function exitCodeHelp(): string {
  const lines = Object.entries(exitCodes).map(
    ([name, code]) => `  ${String(code).padEnd(3)}  ${exitCodeMeanings[name as keyof typeof exitCodes]}`,
  );
  return ["Exit codes:", ...lines].join("\n");
}

function allCommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(allCommands)];
}
