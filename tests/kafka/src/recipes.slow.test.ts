import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { PartitionPosition } from "@anneal/contracts";
import { tempAnnealHome, waitFor } from "@anneal/testing";
import { expect, test, vi } from "vitest";
import { Cluster } from "./test-support/cluster.ts";
import { CommandLine, fillTopic } from "./test-support/command-line.ts";

vi.setConfig({ testTimeout: 600_000, hookTimeout: 300_000 });

interface RunDocument {
  readonly status: string;
  readonly step: number;
  readonly evaluation: { readonly metrics: { readonly accuracy: number }; readonly window?: number };
  readonly data: { readonly topic?: { readonly topic: string; readonly lag: number } } | null;
  readonly checkpoint: { readonly path: string } | null;
  readonly pids?: { readonly worker: number | null; readonly trainer: number | null };
}

interface Provenance {
  readonly topic: { readonly pass: number; readonly partitions: readonly PartitionPosition[] };
}

test("clicks are learned window after window while they are made, with a worker and a trainer killed on the way", async () => {
  using home = tempAnnealHome();
  await using cluster = await Cluster.start();
  const { address } = cluster.broker;
  const making = fillTopic("clicks", "--broker", address, "--rate", "3000", "--users", "200", "--items", "100");
  await using anneal = new CommandLine(home.path);
  const [numWindows, windowRecords] = [12, 5_000];
  const sizes = ["--windows", String(numWindows), "--window-records", String(windowRecords)];
  const recipe = ["--num-users", "200", "--num-items", "100", "--learning-rate", "0.02"];
  // So few events that the workflow has to continue as new.
  const settings = ["--segment-max-history-events", "60", "--checkpoint-every-steps", "7"];
  const training = anneal.run<RunDocument>(
    "train",
    "clicks",
    "--brokers",
    address,
    "--run-id",
    "clicks",
    ...sizes,
    ...recipe,
    ...settings,
  );
  const status = () => anneal.run<RunDocument>("status", "clicks");
  for (const [step, victim] of [
    [50, "trainer"],
    [150, "worker"],
  ] as const) {
    const pid = await waitFor(
      async () => {
        const run = await status();
        return run.step >= step && run.pids?.[victim];
      },
      { timeoutMs: 300_000, everyMs: 500, what: `step ${step}` },
    );
    process.kill(pid, "SIGKILL");
  }
  const run = await training;
  making.kill();
  expect(run).toMatchObject({ status: "completed", step: numWindows * Math.ceil(windowRecords / 256) });
  expect(run.data?.topic).toMatchObject({ topic: "clicks", lag: expect.any(Number) });
  // Each window was new to the model when it was evaluated.
  const lines = readFileSync(join(home.path, "runs", "clicks", "metrics.jsonl"), "utf8")
    .trim()
    .split("\n");
  const windows = lines.map((line) => JSON.parse(line)).filter(({ kind }) => kind === "window");
  expect(new Set(windows.map(({ window }) => window)).size).toBe(numWindows);
  const accuracy = windows.map(({ metrics }) => metrics.accuracy as number);
  expect(accuracy[0]).toBeLessThan(0.6);
  expect(accuracy.at(-1)).toBeGreaterThan(0.68);
  const { topic } = await anneal.run<Provenance>("provenance", "clicks");
  const numTrained = topic.partitions.map(({ start = 0, next, ahead }) =>
    ahead === undefined ? next - start : Number.NaN,
  );
  expect(topic.pass).toBe(numWindows);
  expect(numTrained.reduce((sum, count) => sum + count, 0)).toBe(numWindows * windowRecords);
});

test("digits are learned from a topic", async () => {
  using home = tempAnnealHome();
  await using cluster = await Cluster.start();
  const { address } = cluster.broker;
  await once(fillTopic("mnist", "--broker", address), "exit");
  await using anneal = new CommandLine(home.path);
  const run = await anneal.run<RunDocument>(
    "train",
    "mnist-topic",
    "--brokers",
    address,
    "--epochs",
    "1",
    "--run-id",
    "digits",
  );
  expect(run.evaluation.metrics.accuracy).toBeGreaterThan(0.97);
});
