import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkpointFaultPoints } from "@anneal/checkpoint";
import type { EngineName } from "@anneal/contracts";
import { processAlive, seededRandom, waitFor } from "@anneal/testing";
import type { Client } from "@temporalio/client";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connect, failedAttempts, Installation, liveProgress } from "./index.ts";

/** A training of some seconds with each engine, with a checkpoint every 300 ms: long enough to be caught in the act. */
const numSamples: Readonly<Record<EngineName, string>> = { eager: "3000", compiled: "20000" };

/**
 * Kill -9 at any moment, any number of times: the run ends with the same weights, optimizer state and metrics, bit for bit,
 * as the run that nobody disturbed. The smoke recipe has dropout, batch norm, a schedule, augmentation and a partial last batch.
 */
export function describeKills(engine: EngineName): void {
  const often = [
    "--engine",
    engine,
    "--num-samples",
    numSamples[engine],
    "--epochs",
    "4",
    "--checkpoint-every",
    "300ms",
  ];

  let installation: Installation;
  let client: Client;
  let undisturbed: string;
  let faultsFired: string;

  beforeAll(async () => {
    faultsFired = mkdtempSync(join(tmpdir(), "anneal-faults-"));
    installation = new Installation();
    await installation.json("up");
    client = await connect(installation);
    const reference = await installation.train("smoke", "reference", ...often);
    expect(reference.status).toBe("completed");
    undisturbed = digestOf(reference);
  }, 120_000);

  afterAll(async () => {
    await client?.connection.close();
    await installation?.close();
    rmSync(faultsFired, { recursive: true, force: true });
  });

  function digestOf(run: { readonly checkpoint: { readonly digest: string } | null }): string {
    if (!run.checkpoint) throw new Error("the run has no checkpoint");
    return run.checkpoint.digest;
  }

  /** Waits until the run trains past `step`, and returns its trainer's pid. */
  function trainerPast(runId: string, step: number): Promise<number> {
    return waitFor(
      async () => {
        const progress = await liveProgress(client, runId).catch(() => null);
        if (!progress?.trainerPid || progress.step <= step || progress.phase !== "training") return null;
        // A heartbeat may still speak of the trainer that was killed last.
        return processAlive(progress.trainerPid) && progress.trainerPid;
      },
      { timeoutMs: 30_000, what: `${runId} to train past step ${step}` },
    );
  }

  describe("a killed run ends with the bits of the undisturbed one", () => {
    it("the trainer, at seeded random steps", async () => {
      const { totalSteps } = await firstProgress("trainer-killed");
      const random = seededRandom(7);
      const steps = Array.from({ length: 3 }, () => random.int(1, Math.floor(totalSteps * 0.7))).sort((a, b) => a - b);
      for (const step of steps) {
        const pid = await trainerPast("trainer-killed", step);
        await installation.kill(pid);
      }
      const run = await installation.finished("trainer-killed");
      expect(digestOf(run)).toBe(undisturbed);
      expect(await failedAttempts(client, "trainer-killed")).toEqual(steps.map(() => "TRAINER_CRASHED"));
    }, 120_000);

    it("the trainer, before the first checkpoint", async () => {
      await installation.detach("smoke", "killed-early", ...often);
      const pid = await waitFor(async () => (await liveProgress(client, "killed-early"))?.trainerPid, {
        timeoutMs: 30_000,
      });
      await installation.kill(pid);
      expect(digestOf(await installation.finished("killed-early"))).toBe(undisturbed);
      expect(await failedAttempts(client, "killed-early")).toEqual(["TRAINER_CRASHED"]);
    }, 60_000);

    it("the worker alone: its trainer ends with it, and the supervisor's next worker goes on", async () => {
      await installation.detach("smoke", "worker-killed", ...often);
      const trainer = await trainerPast("worker-killed", 5);
      await installation.kill(pidOf(installation.stack().worker));
      await waitFor(() => !processAlive(trainer), { timeoutMs: 1_500, what: "the end of the orphaned trainer" });
      expect(digestOf(await installation.finished("worker-killed"))).toBe(undisturbed);
      expect(await failedAttempts(client, "worker-killed")).toEqual(["timeout"]);
    }, 90_000);

    it("the server, restarted on its database", async () => {
      await installation.detach("smoke", "server-killed", ...often);
      await trainerPast("server-killed", 5);
      await installation.kill(pidOf(installation.stack().server));
      expect(digestOf(await installation.finished("server-killed"))).toBe(undisturbed);
    }, 90_000);

    it("trainer, worker and server at once", async () => {
      await installation.detach("smoke", "all-killed", ...often);
      const trainer = await trainerPast("all-killed", 5);
      const { worker, server } = installation.stack();
      await Promise.all([trainer, pidOf(worker), pidOf(server)].map((pid) => installation.kill(pid)));
      expect(digestOf(await installation.finished("all-killed"))).toBe(undisturbed);
    }, 90_000);
  });

  async function firstProgress(runId: string) {
    await installation.detach("smoke", runId, ...often);
    return waitFor(
      async () => {
        const progress = await liveProgress(client, runId).catch(() => null);
        return progress && progress.totalSteps > 0 ? progress : null;
      },
      { timeoutMs: 30_000, what: `${runId} to start` },
    );
  }

  function pidOf(process: { readonly pid: number } | null): number {
    if (!process) throw new Error("the stack has no such process");
    return process.pid;
  }

  describe("every fault point of a checkpoint's life", () => {
    it("a run that is killed at each of them in turn still ends with the same bits", async () => {
      // The second hit for commits: a process that moves the run forward before it dies is what the budgets allow.
      const faults = checkpointFaultPoints
        .map((point) => `${point}@${point.startsWith("commit") ? 2 : 1}:kill`)
        .join(",");
      const faulty = new Installation({ ANNEAL_FAULT: faults, ANNEAL_FAULT_ONCE_DIR: faultsFired });
      try {
        await faulty.json("up");
        const run = await faulty.train("smoke", "faulty", ...often);
        expect(digestOf(run)).toBe(undisturbed);
        const fired = readdirSync(faultsFired).map((name) =>
          checkpointFaultPoints.find((point) => name.startsWith(`${point}@`) || name === point),
        );
        expect(fired.sort()).toEqual([...checkpointFaultPoints].sort());
      } finally {
        await faulty.close();
      }
    }, 240_000);
  });
}
