import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { tensorflowEnvironment } from "@anneal/runtime";
import { expect, test } from "vitest";
import { machineThreads } from "../subjects/mnist.ts";
import type { PredictedStep } from "../test-support/predicted-step.ts";

const main = fileURLToPath(new URL("../test-support/predicted-step.ts", import.meta.url));

async function predictedStep(...order: readonly (string | number)[]): Promise<PredictedStep> {
  const { intraOp, interOp } = machineThreads;
  const environment = tensorflowEnvironment({ numIntraOpThreads: intraOp, numInterOpThreads: interOp });
  const { stdout } = await promisify(execFile)(process.execPath, [main, ...order.map(String)], {
    env: { ...process.env, ...environment },
  });
  return JSON.parse(stdout) as PredictedStep;
}

test.each<[string, number, number]>([
  ["mlp", 256, 1],
  ["mlp", 4_096, 1],
  ["cnn", 128, 1],
  ["cnn", 512, 1],
  ["resnet", 32, 1],
  ["resnet", 128, 1],
  ["resnet", 128, 8],
  ["transformer", 8, 1],
  ["transformer", 32, 1],
  ["transformer", 32, 8],
  ["lstm", 32, 1],
  ["lstm", 256, 1],
  ["deepconv", 16, 1],
  ["deepconv", 64, 1],
  ["deepconv", 64, 8],
])(
  "%s on batches of %i, in %i segments: within 15 %%, tensors and the whole process",
  async (...order) => {
    const { tensors, process: whole } = await predictedStep(...order);
    const shown = JSON.stringify({ tensors, whole });
    for (const { predicted, measured } of [tensors, whole]) {
      expect(predicted / measured, shown).toBeGreaterThan(0.85);
      expect(predicted / measured, shown).toBeLessThan(1.15);
    }
  },
  120_000,
);
