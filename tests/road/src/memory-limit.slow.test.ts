import { readFileSync } from "node:fs";
import type { MemoryDecision, RungMove } from "@anneal/contracts";
import { waitFor } from "@anneal/testing";
import { expect, it } from "vitest";
import {
  activitySummaries,
  connect,
  failedAttempts,
  Installation,
  liveProgress,
  type RunDocument,
  runState,
} from "./index.ts";

/** A convolutional network on batches of which each takes more than a gigabyte. */
const large = ["--width", "64", "--batch-size", "4096", "--max-steps", "4", "--checkpoint-every-steps", "1"];
const small = ["--memory-micro-batches", "16"];

/** What the kernel counts as a trainer's data (`ulimit -d`) once it has made a step: reserved address space is not in it. */
async function dataBytesOf(runId: string, ...args: readonly string[]): Promise<number> {
  const installation = new Installation();
  try {
    await installation.json("up");
    const client = await connect(installation);
    await installation.detach("mnist", runId, ...large, ...args);
    const pid = await waitFor(
      async () => {
        const progress = await liveProgress(client, runId).catch(() => null);
        return (progress?.step ?? 0) > 0 && progress?.trainerPid;
      },
      { timeoutMs: 120_000, what: `${runId} to make a step` },
    );
    await client.connection.close();
    return Number(/^VmData:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) * 1_024;
  } finally {
    await installation.close();
  }
}

/**
 * A real limit: the kernel refuses memory to the trainer, which dies of it as a native process does, or is told. What a machine
 * reserves differs, so the limit lies between what this one takes with whole batches and with small ones.
 */
it("a trainer that dies of a real limit is followed by others on higher rungs, until the run is complete", async () => {
  const needed = await dataBytesOf("small", ...small);
  const plain = await dataBytesOf("plain");
  const limit = Math.round(needed + 0.35 * (plain - needed));
  const installation = new Installation({ ANNEAL_TRAINER_LAUNCHER: `prlimit --data=${limit}` });
  try {
    await installation.json("up");
    const client = await connect(installation);
    const run = await installation.train("mnist", "limited", ...large, "--retries-crash", "0");
    const { memory } = run as RunDocument & { readonly memory: { readonly moves: readonly RungMove[] } };
    expect(run).toMatchObject({ status: "completed", step: 4, exact: true });
    expect(memory.moves.length).toBeGreaterThan(0);
    expect(memory.moves.at(-1)!.rung.microBatches).toBeGreaterThan(1);
    for (const { why } of memory.moves) expect(why).toMatch(/^out of memory/);
    expect(new Set(await failedAttempts(client, "limited"))).toEqual(new Set(["OUT_OF_MEMORY"]));
    const summaries = await activitySummaries(client, "limited");
    expect(summaries.filter((summary) => /micro-batches \d+.*\(out of memory/.test(summary))).not.toEqual([]);
    const { stdout } = await installation.run("status", "limited");
    expect(stdout).toMatch(/^memory +micro-batches \d+.* since step \d+: out of memory/m);
    await client.connection.close();
  } finally {
    await installation.close();
  }
}, 600_000);

it("a run with a budget of half of what it would take fits into it, and says how before it starts", async () => {
  const budget = 1_200 * 2 ** 20;
  const installation = new Installation();
  try {
    await installation.json("up");
    const client = await connect(installation);
    const run = await installation.train("mnist", "planned", ...large, "--memory-budget", "1200MiB");
    const { memory } = run as RunDocument & { readonly memory: { readonly decision: MemoryDecision } };
    expect(run).toMatchObject({ status: "completed", step: 4, memory: { moves: [] } });
    expect(memory.decision.rung.microBatches).toBeGreaterThan(1);
    expect(memory.decision.why).toMatch(/^a peak of .* is predicted, within the budget of 1\.17 GiB; without, .* GiB$/);
    const { usage } = await runState(client, "planned");
    // The prediction's own error, and what a process takes while it starts.
    expect(usage.peakRssBytes).toBeLessThan(1.1 * budget);
    const refused = await installation.failure(
      "train",
      "mnist",
      "--run-id",
      "refused",
      ...large,
      "--memory-budget",
      "100MiB",
    );
    expect(refused).toMatchObject({ code: "BUDGET_TOO_SMALL", exitCode: 3 });
    await client.connection.close();
  } finally {
    await installation.close();
  }
}, 300_000);
