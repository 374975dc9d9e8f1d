import { precisions, runSpecSchema } from "@anneal/contracts";
import { expect, test } from "vitest";
import { describeSettings, type GivenSettings, parseSettings } from "./run-settings.ts";

const recipe = { name: "digits", path: "/recipes/digits.ts" };

async function messageOf(given: GivenSettings): Promise<string> {
  const failure: unknown = await parseSettings(given).catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: "PARAMETER_INVALID" });
  return (failure as Error).message;
}

test("every field of the spec is a flag with a description", async () => {
  const rows = await describeSettings();
  expect(rows.map(({ name }) => name)).toEqual([
    "--seed",
    "--precision",
    "--weight-storage",
    "--loss-scale-initial",
    "--loss-scale-growth-interval",
    "--memory-budget",
    "--memory-micro-batches",
    "--memory-recompute-segments",
    "--memory-prefetch-batches",
    "--non-finite-remedy",
    "--non-finite-max-recoveries",
    "--non-finite-learning-rate-factor",
    "--cross-entropy",
    "--engine",
    "--lowering",
    "--threads",
    "--max-steps",
    "--exclusive",
    "--checkpoint-every",
    "--checkpoint-every-steps",
    "--checkpoint-keep-last",
    "--checkpoint-keep-best",
    "--segment-max-steps",
    "--segment-max",
    "--segment-max-history-events",
    "--retries-crash",
    "--retries-memory",
    "--retries-environment",
  ]);
  for (const { description } of rows) expect(description).not.toBe("");
  expect(rows.find(({ name }) => name === "--checkpoint-every")).toMatchObject({
    type: "duration",
    allowed: "a duration of at least 100ms",
    default: "1m",
  });
});

test("what was given lands where it belongs, all else has the spec's own defaults", async () => {
  const given = {
    "--seed": "7",
    "--threads": "4,2",
    "--memory-prefetch-batches": "3",
    "--checkpoint-every": "1m30s",
    "--checkpoint-keep-best": "0",
    "--segment-max": "5m",
    "--retries-crash": "9",
  };
  const plain = runSpecSchema.parse({ recipe });
  expect(runSpecSchema.parse({ recipe, ...(await parseSettings(given)) })).toEqual({
    ...plain,
    seed: 7,
    threads: { intraOp: 4, interOp: 2 },
    policy: { ...plain.policy, memory: { prefetchBatches: 3 } },
    checkpoint: { ...plain.checkpoint, everyMs: 90_000, keepBest: 0 },
    segment: { ...plain.segment, maxMs: 300_000 },
    retries: { ...plain.retries, crash: 9 },
  });
  expect(runSpecSchema.parse({ recipe, ...(await parseSettings({})) })).toEqual(plain);
});

test("every problem is named at once, in the units of the flag", async () => {
  const message = await messageOf({
    "--max-steps": "x",
    "--checkpoint-every": "50ms",
    "--checkpoint-keep-last": "0",
    "--threads": "4,2,1",
  });
  expect(message).toContain('--max-steps must be an integer of at least 1, not "x"');
  expect(message).toContain("--checkpoint-every: must be a duration of at least 100ms, not 50ms");
  expect(message).toContain("--checkpoint-keep-last must be an integer of at least 1, not 0");
  expect(message).toContain("--threads: must be an integer from 1 to 1024, or two as in 4,2, not 4,2,1");
});

test("threads are one or two whole numbers", async () => {
  for (const threads of ["1,2,3", "1,", ",2", "1e1", "x", "0", ""]) {
    expect(await messageOf({ "--threads": threads })).toContain("--threads: must be");
  }
});

test("a precision that there is not is answered with those that there are", async () => {
  const message = await messageOf({ "--precision": "bf16" });
  expect(message).toContain("--precision");
  for (const precision of precisions) expect(message).toContain(precision);
});

test("what is no duration is said as such", async () => {
  await expect(parseSettings({ "--segment-max": "5" })).rejects.toMatchObject({ code: "USAGE" });
});
