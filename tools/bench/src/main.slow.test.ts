import { expect, it } from "vitest";
import { runBench } from "./test-support/run-bench.ts";

it.each(["checkpoint", "feed", "data", "orchestration", "start"])(
  "%s runs to its end, says only numbers, and leaves nothing behind",
  async (name) => {
    const { exitCode, stdout, stderr, leftovers } = await runBench(name, "--quick", "--rounds", "1", "--json");
    expect(exitCode, stderr).toBe(0);
    expect(leftovers).toEqual([]);
    const { rows } = JSON.parse(stdout);
    expect(rows.length).toBeGreaterThan(2);
    for (const row of rows) {
      expect(row).toMatchObject({ bench: name, value: expect.any(Number), unit: expect.any(String) });
    }
  },
  180_000,
);

it("measures what a step takes above what the framework takes", async () => {
  const { exitCode, stdout, stderr, leftovers } = await runBench("memory", "--quick", "--models", "mlp", "--json");
  expect(exitCode, stderr).toBe(0);
  expect(leftovers).toEqual([]);
  const { rows, notes, details } = JSON.parse(stdout);
  const { peaks: measured, plans } = details.memory;
  expect(measured[0].subjects).toHaveLength(3);
  for (const { peaks } of measured[0].subjects) {
    const [{ base, step, process }] = peaks;
    expect(base).toBeGreaterThan(50);
    expect(step).toBeGreaterThan(0);
    expect(process).toBeGreaterThanOrEqual(base + step);
  }
  // Whether so small a model fits a part of what it takes is the planner's to say.
  const refused = notes.filter((note: string) => note.includes("does not fit its memory budget"));
  const planned = plans[0].planned.filter(({ share }: { share: number | null }) => share !== null);
  expect(planned.length + refused.length).toBe(3);
  const timed = rows.filter(({ metric }: { metric: string }) => /^budget 1.*: step$/.test(metric));
  expect(timed).toHaveLength(planned.length);
}, 180_000);

it("trains on the same bits, fed naively and by the pipeline", async () => {
  const args = ["data", "--article", "--quick", "--rounds", "2", "--json"];
  const { exitCode, stdout, stderr, leftovers } = await runBench(...args);
  expect(exitCode, stderr).toBe(0);
  expect(leftovers).toEqual([]);
  const { naive, pipeline } = JSON.parse(stdout).details.data;
  expect(naive).toHaveLength(2);
  for (const [epoch, { batchDigest, weightDigest, loss }] of naive.entries()) {
    expect(pipeline[epoch]).toMatchObject({ batchDigest, weightDigest, loss });
  }
  expect(naive[1].batchDigest).not.toBe(naive[0].batchDigest);
}, 120_000);
