import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { connect, failedAttempts, Installation } from "./index.ts";

it("a disk that is full while a checkpoint is written: the attempt fails by name, the run goes on when there is room", async () => {
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
