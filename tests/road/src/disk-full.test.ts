import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exitCodes } from "@anneal/contracts";
import { expect, it } from "vitest";
import { connect, failedAttempts, Installation } from "./index.ts";

it("a disk that is full for a while: the attempt fails by name, the run goes on when there is room", async () => {
  const fired = mkdtempSync(join(tmpdir(), "anneal-faults-"));
  const installation = new Installation({
    ANNEAL_FAULT: "commit-model-half-written@2:ENOSPC",
    ANNEAL_FAULT_ONCE_DIR: fired,
  });
  try {
    await installation.json("up");
    const run = await installation.train("smoke", "full-disk");
    expect(run.status).toBe("completed");
    const client = await connect(installation);
    expect(await failedAttempts(client, "full-disk")).toEqual(["DISK_FULL"]);
    await client.connection.close();
  } finally {
    await installation.close();
    rmSync(fired, { recursive: true, force: true });
  }
}, 120_000);

it("a disk that stays full: the run fails by name and leaves no half checkpoint; resume goes on when there is room", async () => {
  const installation = new Installation({ ANNEAL_FAULT: "commit-model-half-written@2:ENOSPC" });
  try {
    await installation.json("up");
    const failure = await installation.failure("train", "smoke", "--run-id", "full", "--retries-environment", "0");
    expect(failure).toMatchObject({ code: "DISK_FULL", exitCode: exitCodes.environment });
    const { checkpoint } = await installation.status("full");
    expect(existsSync(join(checkpoint?.path ?? "", "manifest.json"))).toBe(true);
    await installation.json("down");
    delete installation.env.ANNEAL_FAULT;
    expect(await installation.json("resume", "full")).toMatchObject({ status: "completed" });
  } finally {
    await installation.close();
  }
}, 120_000);
