import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { comparePaths, runPaths } from "@anneal/checkpoint";
import type { ComparisonReport } from "@anneal/report";
import { tempAnnealHome, waitFor } from "@anneal/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ComparisonView, viewComparison } from "../comparisons/view.ts";
import { readStackState } from "../stack/state.ts";
import { openSession } from "../temporal/endpoint.ts";
import { type CommandEnd, runAnneal } from "../test-support/run-anneal.ts";

const home = tempAnnealHome();
const anneal = (...args: string[]): Promise<CommandEnd> => runAnneal([...args, "--json"], home.env);
const statusesOf = ({ strategies }: ComparisonReport) => strategies.map(({ status }) => status);

afterAll(() => home[Symbol.dispose]());

test.each([
  [["--precision", "float32,int4"], "PARAMETER_INVALID", 3],
  [["--memory", "half"], "USAGE", 2],
  [["--memory-budget", "1GiB"], "USAGE", 2],
  [["--within", "-1"], "USAGE", 2],
  [["--run-id", "x".repeat(128)], "USAGE", 2],
])("%j is refused before anything is started", async (flags, code, exitCode) => {
  const end = await anneal("compare", "smoke", ...flags);
  expect(end.json()).toMatchObject({ error: { code, message: expect.any(String), remedy: expect.any(String) } });
  expect(end.exitCode).toBe(exitCode);
  expect(readStackState(home.path)).toBeNull();
  expect(existsSync(join(home.path, "compares"))).toBe(false);
});

describe("a comparison's life, with a real server, worker and trainers", () => {
  const id = "tried";
  const view = async (): Promise<ComparisonView> => {
    await using session = await openSession(home.path);
    return await viewComparison(home.path, session, id);
  };

  beforeAll(async () => {
    await runAnneal(["up"], home.env);
  });
  afterAll(async () => {
    await runAnneal(["down"], home.env);
  });

  test("is cancelled with the run under way, and goes on from its checkpoint to its report", async () => {
    const flags = ["--precision", "float32", "--memory", "plain,1MiB", "--num-samples", "4000", "--epochs", "20"];
    const started = await anneal("compare", "smoke", ...flags, "--run-id", id, "--detach");
    expect(started.json()).toMatchObject({ compareId: id, status: "training", verdict: expect.stringContaining("no") });
    await waitFor(async () => existsSync(runPaths(home.path, `${id}-float32`).metrics), {
      timeoutMs: 40_000,
      what: "the first run's first epoch",
    });
    const [watched, removed, cancelled] = await Promise.all([
      anneal("watch", id),
      anneal("rm", id),
      anneal("cancel", id),
    ]);
    expect(cancelled).toMatchObject({ exitCode: 0 });
    expect(statusesOf(cancelled.json() as ComparisonView)).toEqual(["cancelled", "waiting"]);
    expect(watched).toMatchObject({ exitCode: 9 });
    expect(removed.json()).toMatchObject({ error: { code: "RUN_ACTIVE" } });

    const end = await anneal("resume", id);
    expect(end).toMatchObject({ exitCode: 0 });
    expect(end.stderr).toContain(`comparison ${id} goes on with float32; begins float32-1MiB`);
    const found = end.json() as ComparisonView;
    expect(statusesOf(found)).toEqual(["completed", "failed"]);
    const [plain, refused] = found.strategies;
    // Every step was timed, those before the cancellation as well, and none of them twice.
    expect(plain).toMatchObject({ steps: 2_020, pointsWorse: 0, notes: [], gain: { fastest: 1, lightest: 1 } });
    expect(plain!.modelBytes).toBeGreaterThan(10_000);
    expect(refused).toMatchObject({ budget: "1MiB", error: { code: "BUDGET_TOO_SMALL" } });
    expect(plain!.samplesPerSecond).toBeGreaterThan(0);
    expect(plain!.waitShare).toBeGreaterThanOrEqual(0);
    expect(plain!.peakRssBytes).toBeGreaterThan(100 * 2 ** 20);
    expect(found.verdict).toMatch(/^fastest within 0.5 points of float32: /);

    const report = JSON.parse(readFileSync(found.files!.json, "utf8")) as ComparisonReport;
    expect(report).toMatchObject({ verdict: found.verdict, strategies: found.strategies });
    expect(readFileSync(found.files!.markdown, "utf8")).toContain("| float32-1MiB |");
  });

  test("its report is printed in every form, its runs are listed below it, and it has nothing left to do but what failed", async () => {
    const [status, list, watched] = await Promise.all([
      runAnneal(["status", id], home.env),
      anneal("list"),
      runAnneal(["watch", id, "--format", "svg"], home.env),
    ]);
    expect(status.stdout).toContain("float32-1MiB");
    expect(status.stdout).toContain((await view()).verdict);
    expect((list.json() as { runs: unknown[] }).runs).toMatchObject([
      { runId: id, kind: "comparison", status: "completed", parent: null, numStrategies: 2 },
      { runId: `${id}-float32`, kind: "run", parent: id },
      { runId: `${id}-float32-1MiB`, kind: "run", status: "failed", parent: id },
    ]);
    expect(watched.stdout).toMatch(/^<svg/);
    // It has neither weights nor logs of its own.
    for (const command of ["eval", "logs"])
      expect((await anneal(command, id)).json()).toMatchObject({
        error: { code: "RUN_NOT_FOUND", remedy: expect.stringContaining(`${id}-float32, ${id}-float32-1MiB`) },
      });
    const again = await anneal("resume", id);
    expect(again.stderr).toContain("keeps float32; goes on with float32-1MiB");
    expect(statusesOf(again.json() as ComparisonView)).toEqual(["completed", "failed"]);
  });

  test("rm removes it with its runs", async () => {
    expect((await anneal("rm", id)).json()).toMatchObject({ runId: id, removed: true });
    expect(existsSync(comparePaths(home.path, id).root)).toBe(false);
    expect(existsSync(runPaths(home.path, `${id}-float32`).root)).toBe(false);
    expect((await anneal("list")).json()).toEqual({ runs: [] });
    expect((await anneal("status", id)).json()).toMatchObject({ error: { code: "RUN_NOT_FOUND" } });
  });
});
