import { annealHome } from "@anneal/checkpoint";
import type { Command } from "commander";
import { Option } from "commander";
import { type CommandResult, log } from "../output.ts";
import { buildSpec } from "../recipes.ts";
import { formatFacts, formatTable } from "../render/table.ts";
import { formatTime } from "../render/values.ts";
import {
  changeSchedule,
  createSchedule,
  listSchedules,
  type OverlapName,
  overlapNames,
  planSchedule,
  type ScheduleAction,
  type ScheduleTimes,
  type ScheduleView,
  viewSchedule,
} from "../runs/schedules.ts";
import { openWorkingSession } from "../stack/working-session.ts";
import { openSession } from "../temporal/endpoint.ts";
import { type CommonOptions, defineCommand, defineGroup, finish } from "./define.ts";
import { defineRecipeCommand, type RecipeInvocation, type RecipeOptions } from "./recipe-command.ts";

interface CreateOptions extends RecipeOptions, ScheduleTimes {
  readonly overlap: OverlapName;
}

export function scheduleCommand(): Command {
  const schedule = defineGroup(
    "schedule",
    "Train again and again: cron or interval, overlap policy, time zone",
    `anneal schedule create nightly mnist --cron "0 3 * * *" --timezone Europe/Paris --epochs 5
anneal schedule list`,
  );
  schedule.addCommand(createCommand());
  schedule.addCommand(listCommand());
  for (const [action, summary] of Object.entries(changes)) {
    schedule.addCommand(changeCommand(action as ScheduleAction, summary));
  }
  return schedule;
}

const changes: Readonly<Record<ScheduleAction, string>> = {
  pause: "Stop a schedule from starting runs; those that run go on",
  unpause: "Let a paused schedule start runs again",
  trigger: "Start a run of a schedule now",
  delete: "Delete a schedule; its runs stay",
};

function createCommand(): Command {
  return defineRecipeCommand<CreateOptions>({
    usage: "create <id> <recipe>",
    summary: "Create a schedule; each run's id is the schedule's with the time appended",
    example: `anneal schedule create nightly mnist --cron "0 3 * * *" --timezone Europe/Paris
anneal schedule create hourly ./my-recipe.ts --every 1h --overlap buffer-one --epochs 2`,
    configure: (command) =>
      command
        .option("--cron <expression>", "when, as cron has it: minute hour day month weekday")
        .option("--every <duration>", "when, as an interval such as 1h or 30m")
        .option("--timezone <name>", "time zone of --cron, such as Europe/Paris (default: UTC)")
        .addOption(
          new Option("--overlap <policy>", "what happens when a run is due while the last one is active")
            .choices(overlapNames)
            .default("skip"),
        ),
    handler: (invocation) => finish(invocation.options, create(annealHome(), invocation)),
  });
}

async function create(
  home: string,
  { before, known, given, settings, options }: RecipeInvocation<CreateOptions>,
): Promise<CommandResult> {
  const [scheduleId = ""] = before;
  const spec = await buildSpec(known, given, settings);
  const plan = planSchedule(scheduleId, options, options.overlap);
  await using session = await openWorkingSession(home, log);
  await createSchedule(session, plan, spec);
  return scheduleResult(await viewSchedule(session, scheduleId));
}

function listCommand(): Command {
  return defineCommand("list", "List schedules of trainings", "anneal schedule list").action((options: CommonOptions) =>
    finish(options, list(annealHome())),
  );
}

async function list(home: string): Promise<CommandResult> {
  await using session = await openSession(home);
  const schedules = await listSchedules(session);
  const rows = schedules.map(({ scheduleId, recipe, paused, nextRuns, recentRuns }) => [
    scheduleId,
    recipe ?? "",
    paused ? "paused" : "active",
    nextRuns[0] ? formatTime(new Date(nextRuns[0])) : "",
    recentRuns.at(-1) ?? "",
  ]);
  const table = formatTable(["schedule", "recipe", "state", "next run", "last run"], rows);
  return { document: { schedules }, text: rows.length === 0 ? "no schedules yet" : table };
}

function changeCommand(action: ScheduleAction, summary: string): Command {
  return defineCommand(`${action} <id>`, summary, `anneal schedule ${action} nightly`).action(
    (scheduleId: string, options: CommonOptions) => finish(options, change(annealHome(), action, scheduleId)),
  );
}

async function change(home: string, action: ScheduleAction, scheduleId: string): Promise<CommandResult> {
  await using session = await openSession(home);
  await changeSchedule(session, scheduleId, action);
  if (action === "delete") return { document: { scheduleId, deleted: true }, text: `deleted ${scheduleId}` };
  return scheduleResult(await viewSchedule(session, scheduleId));
}

function scheduleResult(schedule: ScheduleView): CommandResult {
  const { scheduleId, recipe, paused, overlap, nextRuns, recentRuns } = schedule;
  const text = formatFacts([
    ["schedule", scheduleId],
    ["recipe", recipe],
    ["state", paused ? "paused" : "active"],
    ["overlap", overlap],
    [
      "next runs",
      nextRuns
        .slice(0, 3)
        .map((time) => formatTime(new Date(time)))
        .join(", "),
    ],
    ["recent runs", recentRuns.slice(-3).join(", ")],
  ]);
  return { document: schedule, text };
}
