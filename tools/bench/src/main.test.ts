import { expect, it } from "vitest";
import { runBench } from "./test-support/run-bench.ts";

it("trains beside model.fit and prints rows with a ratio", async () => {
  const { exitCode, stdout, stderr, leftovers } = await runBench("train", "--quick", "--rounds", "1", "--json");
  expect(exitCode, stderr).toBe(0);
  expect(leftovers).toEqual([]);
  const document = JSON.parse(stdout);
  expect(document).toMatchObject({
    quick: true,
    machine: { numCores: expect.any(Number), node: process.versions.node },
  });
  expect(Date.parse(document.date)).not.toBeNaN();
  expect(document.rows[0]).toMatchObject({
    bench: "train",
    workload: "mnist, batch 128, f32",
    metric: "speed",
    unit: "images/s",
    peer: "tfjs-node model.fit",
  });
  for (const { value, ratio } of document.rows) {
    expect(value).toBeGreaterThan(0);
    expect(ratio).toBeGreaterThan(0);
  }
});

it("refuses a bench that does not exist, and names those that do", async () => {
  const { exitCode, stdout, stderr } = await runBench("tain");
  expect([exitCode, stdout]).toEqual([2, ""]);
  expect(stderr).toMatch(/train, checkpoint, feed, orchestration, start/);
});
