import { existsSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runPaths } from "@anneal/checkpoint";
import { processAlive, tempAnnealHome, waitFor } from "@anneal/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findPids, type RunPids } from "../runs/pids.ts";
import { type RunView, viewRun } from "../runs/view.ts";
import { findServers } from "../stack/server-process.ts";
import { readStackState } from "../stack/state.ts";
import { openSession } from "../temporal/endpoint.ts";
import { type CommandEnd, runAnneal } from "../test-support/run-anneal.ts";

type Status = RunView & { readonly pids: RunPids };

describe("wrong input is refused before anything is started", () => {
  const home = tempAnnealHome();
  afterAll(() => home[Symbol.dispose]());

  test.each([
    [["train", "smoke", "--max-steps", "x"], "PARAMETER_INVALID", 3],
    [["schedule", "create", "x", "smoke", "--every", "1h", "--retries-crash", "-1"], "PARAMETER_INVALID", 3],
    [["train", "smoke", "--run-id", "../escape"], "USAGE", 2],
    [["train", "smoke", "--engine", "eager", "--precision", "bfloat16"], "POLICY_UNSUPPORTED", 3],
    [["eval", "nothing"], "RUN_NOT_FOUND", 4],
    [["schedule", "create", "x", "smoke"], "USAGE", 2],
    [["nonsense"], "USAGE", 2],
  ])("%j: %s", async (args, code, exitCode) => {
    const end = await runAnneal([...args, "--json"], home.env);
    expect(end.json()).toMatchObject({ error: { code, message: expect.any(String), remedy: expect.any(String) } });
    expect(end.exitCode).toBe(exitCode);
    expect(readStackState(home.path)).toBeNull();
    expect(existsSync(join(home.path, "runs"))).toBe(false);
  });

  test("without --json the same is said in two lines on stderr, with no stack trace", async () => {
    const { stdout, stderr } = await runAnneal(["train", "minst"], home.env);
    expect(stdout).toBe("");
    expect(stderr.trimEnd().split("\n")).toEqual([
      expect.stringMatching(/^error RECIPE_NOT_FOUND: .*mnist/),
      expect.stringMatching(/^→ /),
    ]);
  });

  test("--help after a recipe shows its parameters", async () => {
    const { stdout, exitCode } = await runAnneal(["train", "mnist", "--help"], home.env);
    expect(exitCode).toBe(0);
    expect(stdout).toContain("--learning-rate <number>");
    expect(stdout).toContain("(default: 0.003)");
    expect(stdout).toContain("--checkpoint-keep-last <integer>");
  });
});

describe("explain", () => {
  const home = tempAnnealHome();
  afterAll(() => home[Symbol.dispose]());

  test("shows the passes, the parts, the nodes and the memory of a recipe's step, and writes graph and picture", async () => {
    const output = join(home.path, "opened");
    const end = await runAnneal(["explain", "smoke", "--output", output, "--json"], home.env);
    expect(end.exitCode).toBe(0);
    const { passes, parts, nodes, files } = end.json() as Record<string, readonly { readonly name: string }[]> & {
      readonly files: { readonly graph: string; readonly picture: string };
    };
    expect(passes!.length).toBeGreaterThan(0);
    expect(parts!.map(({ name }) => name)).toContain("loss");
    expect(nodes!.length).toBeGreaterThan(10);
    const { memory } = end.json() as { readonly memory: { readonly peakBytes: number; readonly alive: unknown[] } };
    expect(memory.peakBytes).toBeGreaterThan(0);
    expect(memory.alive.length).toBeGreaterThan(0);
    expect(readFileSync(files.picture, "utf8")).toMatch(/^<svg/);
    expect(readFileSync(files.graph).byteLength).toBeGreaterThan(1_000);
    // No run was made of it.
    expect(existsSync(join(home.path, "runs"))).toBe(false);
  });

  test("an engine without a graph is an error", async () => {
    const end = await runAnneal(["explain", "smoke", "--engine", "eager", "--json"], home.env);
    expect(end.json()).toMatchObject({ error: { code: "USAGE" } });
    expect(end.exitCode).toBe(2);
  });
});

describe("a run's life, with a real server, worker and trainer", () => {
  const home = tempAnnealHome();
  const anneal = (...args: string[]): Promise<CommandEnd> => runAnneal([...args, "--json"], home.env);
  // What the command `status` prints, asked for in this process: it is polled.
  const status = async (runId: string): Promise<Status> => {
    await using session = await openSession(home.path);
    return { ...(await viewRun(home.path, session, runId)), pids: findPids(home.path, runId) };
  };

  beforeAll(async () => {
    await runAnneal(["up"], home.env);
  });
  afterAll(async () => {
    await runAnneal(["down"], home.env);
    home[Symbol.dispose]();
  });

  test("train runs to the end and says where everything is", async () => {
    const end = await anneal("train", "smoke", "--epochs", "2", "--run-id", "first");
    expect(end).toMatchObject({ exitCode: 0 });
    const run = end.json() as RunView;
    expect(run).toMatchObject({
      runId: "first",
      recipe: "smoke",
      status: "completed",
      step: 26,
      epoch: 2,
      exact: true,
    });
    expect(run.metrics).toHaveProperty("loss");
    expect(run.evaluation).toMatchObject({ split: "test", numSamples: 200 });
    expect(run.uiUrl).toMatch(/^http:\/\/localhost:\d+\/namespaces\/default\/workflows\/first$/);
    expect(existsSync(join(run.checkpoint!.path, "manifest.json"))).toBe(true);
    expect(run.checkpoint!.digest).toMatch(/^[0-9a-f]{64}$/);
  });

  test("a run is cancelled with a checkpoint, and goes on, past a damaged one and saying so", async () => {
    const flags = ["--num-samples", "20000", "--epochs", "40", "--checkpoint-every", "300ms", "--run-id", "long"];
    expect(await anneal("train", "smoke", ...flags, "--detach")).toMatchObject({ exitCode: 0 });
    const training = await waitFor(
      async () => {
        const now = await status("long");
        return now.step > 20 && (now.checkpoint?.step ?? 0) > 0 && now.pids.trainer !== null && now;
      },
      { timeoutMs: 40_000, everyMs: 100, what: "steps and a checkpoint" },
    );
    expect(training.pids.worker).toBe(readStackState(home.path)!.worker!.pid);
    const watched = anneal("watch", "long");
    const asked = await Promise.all([anneal("status", "long"), anneal("rm", "long"), anneal("resume", "long")]);
    expect(asked.map((end) => end.json())).toMatchObject([
      { status: "training", pids: training.pids, skipped: [] },
      { error: { code: "RUN_ACTIVE" } },
      { error: { code: "RUN_ACTIVE" } },
    ]);
    const cancelled = await anneal("cancel", "long");
    expect(cancelled).toMatchObject({ exitCode: 0 });
    const stopped = cancelled.json() as RunView;
    expect(stopped.status).toBe("cancelled");
    expect(stopped.checkpoint!.step).toBeGreaterThan(training.step);
    expect(await watched).toMatchObject({ exitCode: 9 });
    expect((await status("long")).pids.trainer).toBeNull();

    truncateSync(join(stopped.checkpoint!.path, "model.safetensors"), 100);
    const resumed = anneal("resume", "long");
    const seen: Status[] = [];
    const onward = await waitFor(
      async () => {
        const now = await status("long");
        seen.push(now);
        return now.status === "training" && now.step > 0 && now;
      },
      { timeoutMs: 40_000, everyMs: 50, what: "the resumed run's steps" },
    );
    // Before its trainer is up, what the disk has is shown.
    expect(seen.filter(({ step, checkpoint }) => step === 0 || checkpoint === null)).toEqual([]);
    expect(onward.skipped).toMatchObject([{ path: stopped.checkpoint!.path, code: "CHECKPOINT_CORRUPT" }]);
    await anneal("cancel", "long");
    const { exitCode, stderr } = await resumed;
    expect(exitCode).toBe(9);
    expect(stderr).toContain("goes on from its last checkpoint");
    expect(stderr).toContain("skipped a damaged checkpoint");
  });

  test("list, open, logs, eval, predict and gc know the runs", async () => {
    const { runs } = (await anneal("list")).json() as { runs: RunView[] };
    expect(runs.map(({ runId, status: is }) => [runId, is])).toEqual([
      ["long", "cancelled"],
      ["first", "completed"],
    ]);
    const [open, logs, evaluated, predicted] = await Promise.all([
      runAnneal(["open", "first"], home.env),
      anneal("logs", "first"),
      anneal("eval", "first"),
      anneal("predict", "first", "--test", "3,5-6"),
    ]);
    expect(open.stdout).toMatch(/workflows\/first\n$/);
    expect(logs.json()).toMatchObject({ runId: "first", logs: [{ path: expect.any(String) }] });
    expect(evaluated.json()).toEqual((await status("first")).evaluation);
    expect(evaluated.stderr).not.toContain("passed over");
    expect(predicted.json()).toMatchObject({ predictions: [{ index: 3, label: 0 }, { index: 5 }, { index: 6 }] });

    // A cache of its own: that of the machine is not a test's to clean.
    const env = { ...home.env, ANNEAL_CACHE: join(home.path, "cache") };
    const gc = (...args: string[]) => runAnneal(["gc", "--keep-last", "1", "--keep-best", "0", ...args], env);
    const count = (runId: string): Promise<number> =>
      gc("--dry-run", "--json").then(
        (end) =>
          (end.json() as { runs: { runId: string; checkpoints: unknown[] }[] }).runs.find((run) => run.runId === runId)
            ?.checkpoints.length ?? 0,
      );
    mkdirSync(join(env.ANNEAL_CACHE, "downloads"), { recursive: true });
    const download = join(env.ANNEAL_CACHE, "downloads/0123456789abcdef01234567-old.csv");
    writeFileSync(download, "1,2\n");
    expect(await count("first")).toBeGreaterThan(0);
    expect((await gc()).stdout).toMatch(/^download +old\.csv +4 B [^a-z]*$/m);
    expect(await count("first")).toBe(0);
    expect((await gc("--max-size", "0KB")).stdout).toMatch(/^download +old\.csv +4 B .*removed$/m);
    expect(existsSync(download)).toBe(false);
  });

  test("rm removes a run everywhere, and its id is free again", async () => {
    expect((await anneal("rm", "long")).json()).toMatchObject({ runId: "long", removed: true });
    expect(existsSync(runPaths(home.path, "long").root)).toBe(false);
    expect((await anneal("status", "long")).json()).toMatchObject({ error: { code: "RUN_NOT_FOUND" } });
  });

  test("a schedule is created as its flags say, paused, let go on and deleted", async () => {
    const flags = ["--cron", "0 3 * * *", "--timezone", "Europe/Paris", "--overlap", "allow-all", "--max-steps", "5"];
    const created = (await anneal("schedule", "create", "nightly", "smoke", ...flags)).json();
    expect(created).toMatchObject({ scheduleId: "nightly", recipe: "smoke", paused: false, overlap: "allow-all" });
    expect((await anneal("schedule", "create", "nightly", "smoke", ...flags)).json()).toMatchObject({
      error: { code: "SCHEDULE_EXISTS" },
    });
    const refused = await anneal("schedule", "create", "other", "smoke", "--cron", "bad cron");
    expect(refused.json()).toMatchObject({ error: { code: "USAGE", message: expect.stringContaining("5-7 fields") } });
    expect((await anneal("schedule", "pause", "nightly")).json()).toMatchObject({ paused: true });
    expect((await anneal("schedule", "unpause", "nightly")).json()).toMatchObject({ paused: false });
    expect((await anneal("schedule", "delete", "nightly")).json()).toMatchObject({ deleted: true });
  });

  test("init writes a recipe anywhere that trains, never over another; one that throws fails with the code", async () => {
    const folder = join(home.path, "elsewhere");
    mkdirSync(folder);
    const file = join(folder, "mine.ts");
    expect(await anneal("init", file)).toMatchObject({ exitCode: 0 });
    expect(JSON.parse(readFileSync(join(folder, "tsconfig.json"), "utf8"))).toHaveProperty(
      "compilerOptions.paths.anneal",
    );
    expect(await anneal("init", file)).toMatchObject({ exitCode: 2 });

    const source = readFileSync(file, "utf8");
    writeFileSync(file, source.replace("const toUnit", 'throw new Error("no data today");\n    const toUnit'));
    const flags = ["--num-samples", "500", "--max-steps", "3", "--run-id", "mine"];
    const failed = await anneal("train", file, ...flags);
    expect(failed.json()).toMatchObject({ status: "failed", error: { code: "RECIPE_THREW" } });
    expect(failed.exitCode).toBe(3);
    // It was never prepared: a resume starts it as the new run it still is, and its id can be used again.
    const again = await anneal("resume", "mine");
    expect(again.exitCode).toBe(3);
    expect(again.stderr).toContain("no checkpoint of run mine was found");
    writeFileSync(file, source);
    expect(await anneal("train", file, ...flags)).toMatchObject({ exitCode: 0 });
  });

  test("down ends all three", async () => {
    const before = readStackState(home.path)!;
    expect((await anneal("down")).json()).toEqual({ stopped: true });
    for (const part of [before.supervisor, before.server!, before.worker!]) expect(processAlive(part.pid)).toBe(false);
    expect(findServers(home.path)).toEqual([]);
  });
});
