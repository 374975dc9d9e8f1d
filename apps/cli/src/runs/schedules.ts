import { AnnealError, type RunSpec, runIdSchema, trainWorkflowType } from "@anneal/contracts";
import {
  ScheduleAlreadyRunning,
  type ScheduleDescription,
  type ScheduleHandle,
  ScheduleNotFoundError,
  type ScheduleOverlapPolicy,
  type ScheduleSpec,
  type ScheduleSummary,
} from "@temporalio/client";
import { parseDurationMs } from "../options.ts";
import type { Session } from "../temporal/endpoint.ts";
import { defineRun, newRun } from "./start.ts";

const overlapPolicies = {
  skip: "SKIP",
  "buffer-one": "BUFFER_ONE",
  "buffer-all": "BUFFER_ALL",
  "allow-all": "ALLOW_ALL",
  "cancel-other": "CANCEL_OTHER",
  "terminate-other": "TERMINATE_OTHER",
} as const satisfies Record<string, ScheduleOverlapPolicy>;

export type OverlapName = keyof typeof overlapPolicies;
export const overlapNames = Object.keys(overlapPolicies) as OverlapName[];

/** Room that Temporal needs for the time it appends to a run's id. */
const timeSuffixLength = "-2026-11-24T03:12:45Z".length;

/** When a schedule starts runs, as the flags have it. */
export interface ScheduleTimes {
  readonly cron?: string;
  readonly every?: string;
  readonly timezone?: string;
}

export interface ScheduleView {
  readonly scheduleId: string;
  readonly recipe: string | null;
  readonly paused: boolean;
  readonly overlap: string | null;
  /** ISO 8601, the soonest first. */
  readonly nextRuns: readonly string[];
  /** Run ids, the newest last. */
  readonly recentRuns: readonly string[];
}

export type ScheduleAction = "pause" | "unpause" | "trigger" | "delete";

/** A schedule as it was asked for, checked as far as that goes without a server. */
export interface SchedulePlan {
  readonly scheduleId: string;
  readonly spec: ScheduleSpec;
  readonly overlap: ScheduleOverlapPolicy;
}

/** Throws USAGE for an id or times that cannot be. */
export function planSchedule(scheduleId: string, times: ScheduleTimes, overlap: OverlapName): SchedulePlan {
  checkScheduleId(scheduleId);
  return { scheduleId, spec: timesOf(times), overlap: overlapPolicies[overlap] };
}

/** Throws SCHEDULE_EXISTS, or USAGE for times that the server does not understand. */
export async function createSchedule({ client }: Session, plan: SchedulePlan, runSpec: RunSpec): Promise<void> {
  const { scheduleId, spec, overlap } = plan;
  const { args, ...definition } = defineRun(newRun(runSpec));
  try {
    await client.schedule.create({
      scheduleId,
      spec,
      action: { type: "startWorkflow", workflowType: trainWorkflowType, workflowId: scheduleId, args, ...definition },
      policies: { overlap },
      memo: { recipe: runSpec.recipe.name },
    });
  } catch (cause) {
    if (cause instanceof ScheduleAlreadyRunning) throw scheduleExists(scheduleId);
    // What the server calls an invalid argument, Temporal's client throws as a TypeError with the server's words.
    throw cause instanceof TypeError ? refusedTimes(cause) : cause;
  }
}

export async function listSchedules({ client }: Session): Promise<ScheduleView[]> {
  const schedules: ScheduleView[] = [];
  for await (const summary of client.schedule.list()) {
    if (summary.action?.workflowType === trainWorkflowType) schedules.push(summarize(summary));
  }
  return schedules.sort((a, b) => a.scheduleId.localeCompare(b.scheduleId));
}

/** Throws SCHEDULE_NOT_FOUND. */
export async function viewSchedule({ client }: Session, scheduleId: string): Promise<ScheduleView> {
  const description = await found(scheduleId, client.schedule.getHandle(scheduleId).describe());
  return { ...summarize(description), overlap: overlapNameOf(description) };
}

/** Throws SCHEDULE_NOT_FOUND. */
export async function changeSchedule({ client }: Session, scheduleId: string, action: ScheduleAction): Promise<void> {
  const handle = client.schedule.getHandle(scheduleId);
  await found(scheduleId, act(handle, action));
}

function act(handle: ScheduleHandle, action: ScheduleAction): Promise<void> {
  switch (action) {
    case "pause":
      return handle.pause();
    case "unpause":
      return handle.unpause();
    case "trigger":
      return handle.trigger();
    case "delete":
      return handle.delete();
  }
}

function timesOf({ cron, every, timezone }: ScheduleTimes): ScheduleSpec {
  if ((cron === undefined) === (every === undefined)) {
    throw new AnnealError(
      "USAGE",
      "A schedule needs --cron or --every, and not both.",
      'Add for example --cron "0 3 * * *".',
    );
  }
  if (timezone !== undefined) checkTimezone(timezone);
  const zone = timezone === undefined ? {} : { timezone };
  if (cron !== undefined) return { cronExpressions: [cron], ...zone };
  const everyMs = parseDurationMs(every ?? "", "--every");
  if (everyMs < 1_000)
    throw new AnnealError("USAGE", "--every must be a second or more.", "Write for example --every 1h.");
  return { intervals: [{ every: everyMs }], ...zone };
}

function checkTimezone(timezone: string): void {
  try {
    new Intl.DateTimeFormat("en", { timeZone: timezone });
  } catch (cause) {
    throw unknownTimezone(timezone, cause);
  }
}

function unknownTimezone(timezone: string, cause: unknown): AnnealError {
  const remedy = "Use a name such as Europe/Paris or UTC.";
  return new AnnealError("USAGE", `There is no time zone "${timezone}".`, remedy, { timezone }, { cause });
}

function checkScheduleId(scheduleId: string): void {
  const maxLength = 128 - timeSuffixLength;
  if (runIdSchema.safeParse(scheduleId).success && scheduleId.length <= maxLength) return;
  throw new AnnealError(
    "USAGE",
    `"${scheduleId}" cannot be a schedule's id.`,
    `Use letters, digits and . _ : + - only, ${maxLength} at most: the runs' ids start with it.`,
    { scheduleId },
  );
}

function summarize(schedule: ScheduleSummary | ScheduleDescription): ScheduleView {
  const { nextActionTimes, recentActions } = schedule.info;
  return {
    scheduleId: schedule.scheduleId,
    recipe: typeof schedule.memo?.recipe === "string" ? schedule.memo.recipe : null,
    paused: schedule.state.paused,
    overlap: null,
    nextRuns: nextActionTimes.map((time) => time.toISOString()),
    recentRuns: recentActions.map(({ action }) => action.workflow.workflowId),
  };
}

function overlapNameOf({ policies }: ScheduleDescription): string {
  return overlapNames.find((name) => overlapPolicies[name] === policies.overlap) ?? "skip";
}

async function found<T>(scheduleId: string, answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (cause) {
    throw cause instanceof ScheduleNotFoundError ? scheduleNotFound(scheduleId) : cause;
  }
}

function scheduleNotFound(scheduleId: string): AnnealError {
  return new AnnealError(
    "SCHEDULE_NOT_FOUND",
    `There is no schedule "${scheduleId}".`,
    "See them: anneal schedule list",
    {
      scheduleId,
    },
  );
}

function scheduleExists(scheduleId: string): AnnealError {
  return new AnnealError(
    "SCHEDULE_EXISTS",
    `There is a schedule "${scheduleId}" already.`,
    `Choose another id, or delete it: anneal schedule delete ${scheduleId}`,
    { scheduleId },
  );
}

function refusedTimes(cause: TypeError): AnnealError {
  return new AnnealError(
    "USAGE",
    `Temporal refused the schedule: ${cause.message}.`,
    'Correct --cron or --timezone: for example --cron "0 3 * * *" --timezone Europe/Paris.',
    {},
    { cause },
  );
}
