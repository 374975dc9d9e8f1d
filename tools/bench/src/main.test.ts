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
  expect(stderr).toMatch(/train, step, memory, article, checkpoint, feed, data, kafka, orchestration, start/);
});

it("takes the same steps compiled, eagerly and by model.fit", async () => {
  const args = ["step", "--quick", "--models", "mlp", "--rounds", "2", "--json"];
  const { exitCode, stdout, stderr, leftovers } = await runBench(...args);
  expect(exitCode, stderr).toBe(0);
  expect(leftovers).toEqual([]);
  const { rows, details } = JSON.parse(stdout);
  expect(rows.map(({ metric, peer }: { metric: string; peer: string | null }) => [metric, peer])).toEqual([
    ["step", "Anneal eager"],
    ["step", "tfjs-node model.fit"],
    ["peak memory", "tfjs-node model.fit"],
    ["prepare", null],
  ]);
  const { subjects } = details.step[0];
  expect(subjects).toHaveLength(3);
  for (const { numParameters, msPerStep, firstLoss, losses } of subjects) {
    expect(numParameters).toBe(33 * 256 + 257 * 256 + 257 * 10);
    expect(msPerStep).toHaveLength(2);
    expect(firstLoss).toBeCloseTo(subjects[0].firstLoss, 4);
    expect(losses.at(-1)).toBeCloseTo(subjects[0].losses.at(-1), 3);
    expect(losses.at(-1)).toBeLessThan(firstLoss);
  }
});

it("takes steps in bfloat16 beside float32", async () => {
  const args = ["step", "--quick", "--models", "mlp", "--precision", "bfloat16", "--rounds", "1", "--json"];
  const { exitCode, stdout, stderr, leftovers } = await runBench(...args);
  expect(exitCode, stderr).toBe(0);
  expect(leftovers).toEqual([]);
  const { rows, details } = JSON.parse(stdout);
  const steps = rows.filter(({ metric }: { metric: string }) => metric === "step");
  expect(steps.map(({ peer }: { peer: string }) => peer)).toEqual(["Anneal float32", "tfjs-node model.fit"]);
  const [half, full] = details.step[0].subjects;
  expect([half.precision, full.precision]).toEqual(["bfloat16", "float32"]);
  // The same weights and batch, rounded differently, unless the processor is no faster in bfloat16: then nothing is.
  expect(half.firstLoss).toBeCloseTo(full.firstLoss, 2);
});

it("refuses a model that does not exist", async () => {
  const { exitCode, stderr } = await runBench("step", "--models", "mpl");
  expect(exitCode).toBe(2);
  expect(stderr).toMatch(/mlp, cnn, resnet, transformer, lstm/);
});

it("feeds the same samples by our pipeline and by tfjs-data", async () => {
  const args = ["data", "--quick", "--workloads", "csv", "--json"];
  const { exitCode, stdout, stderr, leftovers } = await runBench(...args);
  expect(exitCode, stderr).toBe(0);
  expect(leftovers).toEqual([]);
  const { rows, details } = JSON.parse(stdout);
  const later = rows.filter(({ metric }: { metric: string }) => metric === "a later epoch");
  expect(later.map(({ peer }: { peer: string }) => peer)).toEqual(["tfjs-data"]);
  for (const { numSamples, subjects } of details.data) {
    expect(subjects.map(({ name }: { name: string }) => name)).toEqual(["Anneal", "tfjs-data"]);
    for (const { statistics, first, consumed, peakMiB } of subjects) {
      expect(statistics.numSamples).toBe(numSamples);
      expect(statistics.mean).toBeCloseTo(subjects[0].statistics.mean, 3);
      expect(statistics.meanLabel).toBeCloseTo(subjects[0].statistics.meanLabel, 9);
      expect(first.numSamples).toBe(numSamples);
      expect(consumed[0]).toHaveLength(3);
      expect(peakMiB).toBeGreaterThan(0);
    }
  }
}, 180_000);

it("refuses a workload that does not exist", async () => {
  const { exitCode, stderr } = await runBench("data", "--workloads", "jpg");
  expect(exitCode).toBe(2);
  expect(stderr).toMatch(/jpeg, csv, mnist/);
});
