import { join } from "node:path";
import { processAlive, waitFor } from "@anneal/testing";
import type { Client } from "@temporalio/client";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeRecipe } from "./bad-recipes.ts";
import { connect, failedAttempts, Installation, liveProgress, type RunDocument, runState } from "./index.ts";

/** What engineers who operate trainings do: schedules, the queue, resuming, reading runs back through Temporal. */
let installation: Installation;
let client: Client;
let recipe: string;

beforeAll(async () => {
  installation = new Installation();
  await installation.json("up");
  client = await connect(installation);
  recipe = writeRecipe(join(installation.home, "mine"), "mine");
}, 120_000);

afterAll(async () => {
  await client?.connection.close();
  await installation?.close();
});

describe("schedules", () => {
  it("fire by themselves, twice, each time a run of its own; pause, trigger, delete", async () => {
    await installation.json("schedule", "create", "often", recipe, "--every", "5s", "--overlap", "skip");
    const [listed] = (await installation.json<{ schedules: { scheduleId: string }[] }>("schedule", "list")).schedules;
    expect(listed).toMatchObject({ scheduleId: "often", recipe: "mine" });

    const completed = () => runsOf("often").then((runs) => runs.filter(({ status }) => status === "completed"));
    await waitFor(async () => (await completed()).length >= 2, {
      timeoutMs: 60_000,
      everyMs: 500,
      what: "two scheduled runs",
    });
    await installation.json("schedule", "pause", "often");
    const [first, second] = await completed();
    expect(first?.runId).not.toBe(second?.runId);
    expect(first?.checkpoint?.digest).toBe(second?.checkpoint?.digest);

    const before = (await runsOf("often")).length;
    await installation.json("schedule", "trigger", "often");
    await waitFor(async () => (await runsOf("often")).length > before, { timeoutMs: 15_000, everyMs: 500 });
    await installation.json("schedule", "unpause", "often");
    await installation.json("schedule", "delete", "often");
    expect(await installation.json("schedule", "list")).toMatchObject({ schedules: [] });
    expect(await installation.failure("schedule", "pause", "often")).toMatchObject({ code: "SCHEDULE_NOT_FOUND" });
    await Promise.all((await runsOf("often")).filter(isActive).map(({ runId }) => installation.run("cancel", runId)));
  }, 120_000);
});

describe("runs", () => {
  it("beyond what the machine can carry queue, say so, and start when there is room", async () => {
    await installation.detach(recipe, "long", "--epochs", "1000");
    await waitFor(async () => (await runState(client, "long")).status === "training", { timeoutMs: 30_000 });
    const queued = installation.start("train", recipe, "--run-id", "short", "--json");
    await waitFor(async () => (await installation.status("short")).status === "queued", { timeoutMs: 20_000 });
    expect((await runState(client, "short")).progress?.note).toContain("long");

    const cancelled = await installation.json<RunDocument>("cancel", "long");
    expect(cancelled).toMatchObject({ status: "cancelled" });
    expect(cancelled.checkpoint?.digest).toMatch(/^[0-9a-f]{64}$/);
    const { exitCode, stdout, stderr } = await queued.ended;
    expect(exitCode, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ runId: "short", status: "completed" });
    expect(stderr).toContain("queue");
  }, 90_000);

  it("are handed over by a worker that is told to end, and go on at the next one, uncounted, to the same bits", async () => {
    const parameters = ["--num-samples", "2000", "--epochs", "3"];
    const undisturbed = await installation.train("smoke", "not-handed-over", ...parameters);
    await installation.detach("smoke", "handed-over", ...parameters, "--retries-crash", "0");
    await waitFor(async () => ((await liveProgress(client, "handed-over"))?.step ?? 0) > 10, { timeoutMs: 30_000 });
    process.kill(installation.stack().worker?.pid ?? 0, "SIGTERM");
    const run = await installation.finished("handed-over");
    expect(run.status).toBe("completed");
    expect(run.checkpoint?.digest).toBe(undisturbed.checkpoint?.digest);
    expect(await failedAttempts(client, "handed-over")).toEqual(["PREEMPTED"]);
  }, 60_000);

  it("that had exhausted their retries go on with resume, to the same bits", async () => {
    const undisturbed = await installation.train("smoke", "undisturbed");
    await installation.detach("smoke", "exhausted");
    // Before its first step each time: without a new checkpoint every crash counts against the budget.
    await waitFor(
      async () => {
        const { status } = await runState(client, "exhausted");
        const pid = status === "failed" ? null : (await liveProgress(client, "exhausted"))?.trainerPid;
        if (pid && processAlive(pid)) await installation.kill(pid);
        return status === "failed";
      },
      { timeoutMs: 60_000, everyMs: 100, what: "the crash budget to be used up" },
    );
    expect(await failedAttempts(client, "exhausted")).toEqual(Array(6).fill("TRAINER_CRASHED"));
    const failed = await installation.finished("exhausted");
    expect(failed.status).toBe("failed");
    const resumed = await installation.json<RunDocument>("resume", "exhausted");
    expect(resumed).toMatchObject({ status: "completed" });
    expect(resumed.checkpoint?.digest).toBe(undisturbed.checkpoint?.digest);
  }, 120_000);

  it("show themselves through Temporal's API: summaries, details, attributes, memo", async () => {
    const run = await installation.train(recipe, "shown", "--epochs", "3");
    const handle = client.workflow.getHandle("shown");
    const description = await handle.describe();
    expect(description.searchAttributes).toMatchObject({
      AnnealRecipe: ["mine"],
      AnnealStatus: ["completed"],
      AnnealStep: [run.step],
    });
    expect(description.searchAttributes.AnnealBestMetric?.[0]).toBeGreaterThan(0);
    expect(description.memo).toMatchObject({ recipe: "mine", parameters: { epochs: 3 } });

    const found = client.workflow.list({ query: 'AnnealRecipe = "mine" AND AnnealStatus = "completed"' });
    const ids = await waitFor(async () => {
      const listed = (await Array.fromAsync(found)).map(({ workflowId }) => workflowId);
      return listed.includes("shown") ? listed : null;
    });
    expect(ids).toContain("shown");

    const { events } = await handle.fetchHistory();
    const summaries = (events ?? []).flatMap(({ activityTaskScheduledEventAttributes, userMetadata }) =>
      activityTaskScheduledEventAttributes && userMetadata?.summary?.data
        ? [JSON.parse(Buffer.from(userMetadata.summary.data).toString()) as string]
        : [],
    );
    expect(summaries).toContain("steps 4-8, epoch 2/3");
    const bytes = JSON.stringify(events).length;
    expect(bytes).toBeLessThan(200_000);

    const { currentDetails } = await handle.query<{ currentDetails: string }>("__temporal_workflow_metadata");
    for (const fact of ["mine", "step 12 of 12", "loss", "accuracy", "last checkpoint"])
      expect(currentDetails).toContain(fact);
  }, 60_000);
});

async function runsOf(schedule: string): Promise<RunDocument[]> {
  const { runs } = await installation.json<{ runs: RunDocument[] }>("list");
  const ids = runs.filter(({ runId }) => runId.startsWith(`${schedule}-`)).map(({ runId }) => runId);
  return Promise.all(ids.map((runId) => installation.status(runId)));
}

function isActive({ status }: RunDocument): boolean {
  return !["completed", "failed", "cancelled"].includes(status);
}
