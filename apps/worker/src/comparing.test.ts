import { readFileSync } from "node:fs";
import {
  type CompareInput,
  type CompareResult,
  type CompareState,
  type RunState,
  runSpecSchema,
  type Strategy,
  type StrategyStart,
  strategyRunId,
  type TrainingPlan,
  taskQueue,
} from "@anneal/contracts";
import { planStrategies } from "@anneal/policy";
import { waitFor } from "@anneal/testing";
import { WorkflowFailedError } from "@temporalio/client";
import { CancelledFailure } from "@temporalio/common";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ScriptedStack } from "./test-support/scripted-stack.ts";
import { Script } from "./test-support/scripted-trainer.ts";

let stack: ScriptedStack;

beforeAll(async () => {
  stack = await ScriptedStack.start();
}, 60_000);

afterAll(() => stack?.stop());

const spec = runSpecSchema.parse({ recipe: { name: "scripted", path: "/scripted.ts" }, seed: 7 });
const memoryModes = planStrategies({
  precisions: ["float32"],
  memory: ["plain", "half", "quarter"],
  weightStorages: ["float32"],
});

function begin(
  compareId: string,
  scripts: Readonly<Record<string, Script>>,
  { strategies = memoryModes, resume = null }: { strategies?: Strategy[]; resume?: CompareInput["resume"] } = {},
) {
  for (const [name, script] of Object.entries(scripts)) stack.scripts.set(`${compareId}-${name}`, script);
  const criterion = { withinPoints: 0.5, prefer: "fastest" } as const;
  return stack.client.workflow.start<(input: CompareInput) => Promise<CompareResult>>("compare", {
    workflowId: compareId,
    taskQueue,
    args: [{ spec, strategies, criterion, resume }],
  });
}

const stateOf = (compareId: string) => stack.client.workflow.getHandle(compareId).query<CompareState>("status");
const statusesOf = ({ outcomes }: CompareState) => outcomes.map(({ status }) => status);
const specOf = async (runId: string) =>
  (await stack.client.workflow.getHandle(runId).describe()).memo as { spec: typeof spec };

function scriptOf(values: Partial<Script>, acts: Script["acts"] = [], plan: Partial<TrainingPlan> = {}): Script {
  const monitor = { metric: "validation/accuracy", direction: "maximize" } as const;
  return Object.assign(new Script(acts, { monitor, ...plan }), values);
}

/** A plan with other steps than those of whole batches. */
function inParts(microBatches: number): Partial<TrainingPlan> {
  const rung = { prefetchBatches: 8, microBatches, recomputeSegments: 1 };
  return { memory: { rung, why: "scripted", budgetBytes: null, predictedPeakBytes: null, batchBytes: 0 } };
}

describe("the compare workflow on a real server", () => {
  it("trains every strategy as a child, one after another, and writes what came of them", async () => {
    const scripts = {
      float32: scriptOf({ evaluated: { accuracy: 0.9 } }),
      "float32-half": scriptOf({ evaluated: { accuracy: 0.896 }, msPerStep: 2, peakRssBytes: 2 ** 29 }, [], inParts(2)),
      "float32-quarter": scriptOf(
        { evaluated: { accuracy: 0.89 }, msPerStep: 1, peakRssBytes: 2 ** 28 },
        [],
        inParts(4),
      ),
    };
    // Room for two at a time, which the timed ones must not use.
    await stack.stopWorker();
    await stack.startWorker({ numTrainers: 2 });
    const result = await (await begin("whole", scripts)).result();
    expect(result.outcomes).toMatchObject([
      { runId: "whole-float32", status: "completed", budget: null, measured: { step: 12, samplesPerSecond: 2_000 } },
      { runId: "whole-float32-half", budget: "640MiB", measured: { metric: "accuracy", modelBytes: 4_000 } },
      { runId: "whole-float32-quarter", budget: "448MiB", measured: { usage: { peakRssBytes: 2 ** 28 } } },
    ]);
    const specs = await Promise.all(memoryModes.map((strategy) => specOf(strategyRunId("whole", strategy))));
    expect(specs.map(({ spec: { seed, exclusive, policy } }) => [seed, exclusive, policy.memory.budget])).toEqual([
      [7, true, undefined],
      [7, true, "640MiB"],
      [7, true, "448MiB"],
    ]);
    const { raw } = await stack.client.workflow.getHandle("whole-float32").describe();
    expect(raw.workflowExecutionInfo?.parentExecution?.workflowId).toBe("whole");

    const report = JSON.parse(readFileSync(result.files!.json, "utf8"));
    expect(report).toMatchObject({
      best: "float32-half",
      verdict: "fastest within 0.5 points of float32: float32-half, 2.5x",
    });
    expect(readFileSync(result.files!.markdown, "utf8")).toContain(`**${report.verdict}**`);
    expect(readFileSync(result.files!.svg, "utf8")).toMatch(/^<svg/);
    expect((await stack.client.workflow.getHandle("whole").describe()).searchAttributes).toMatchObject({
      AnnealRecipe: ["scripted"],
      AnnealStatus: ["completed"],
    });
  });

  it("goes on past a strategy that fails, and past one that is cancelled alone", async () => {
    const scripts = {
      float32: scriptOf({}),
      "float32-half": scriptOf({}, ["POLICY_UNSUPPORTED"]),
      "float32-quarter": scriptOf({}, ["slow"]),
    };
    const handle = await begin("partly", scripts);
    await waitFor(async () => scripts["float32-quarter"].attempts.length > 0);
    await stack.client.workflow.getHandle("partly-float32-quarter").cancel();
    const result = await handle.result();
    expect(result.outcomes).toMatchObject([
      { status: "completed" },
      { status: "failed", error: { code: "POLICY_UNSUPPORTED", remedy: "Read the script." } },
      { status: "cancelled", error: null },
    ]);
  });

  it("cannot take a share of what is not known", async () => {
    const scripts = { float32: scriptOf({}, ["RECIPE_THREW"]) };
    const { outcomes } = await (await begin("shares", scripts)).result();
    expect(outcomes.map(({ status, error }) => [status, error?.code])).toEqual([
      ["failed", "RECIPE_THREW"],
      ["failed", "RUN_FAILED"],
      ["failed", "RUN_FAILED"],
    ]);
    expect(outcomes[1]!.error!.message).toContain("float32 has no result");
  });

  it("is cancelled with its run, whose checkpoint is kept; then goes on with it and keeps what was done", async () => {
    const scripts = {
      float32: scriptOf({ evaluated: { accuracy: 0.9 } }),
      "float32-half": scriptOf({ evaluated: { accuracy: 0.9 } }, ["ok", "slow"]),
      "float32-quarter": scriptOf({ evaluated: { accuracy: 0.9 } }),
    };
    const handle = await begin("stopped", scripts);
    await waitFor(async () => scripts["float32-half"].attempts.length === 2);
    expect(statusesOf(await stateOf("stopped"))).toEqual(["completed", "running", "waiting"]);
    await handle.cancel();
    const failure = await handle.result().catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(WorkflowFailedError);
    expect((failure as WorkflowFailedError).cause).toBeInstanceOf(CancelledFailure);
    const state = await stateOf("stopped");
    expect(statusesOf(state)).toEqual(["completed", "cancelled", "waiting"]);
    const child = await stack.client.workflow.getHandle("stopped-float32-half").query<RunState>("status");
    expect(child).toMatchObject({ status: "cancelled", last: { step: 5 }, usage: { numSteps: 5 } });

    const resume: Record<string, StrategyStart> = {
      float32: { kind: "keep", outcome: state.outcomes[0]! },
      "float32-half": {
        kind: "resume",
        spec: (await specOf("stopped-float32-half")).spec,
        choices: { recipeVersion: null, allowInexact: false },
        firstAttempt: 100,
        usage: child.usage,
      },
    };
    const again = await (await begin("stopped", scripts, { resume })).result();
    expect(statusesOf(again)).toEqual(["completed", "completed", "completed"]);
    expect(again.outcomes[1]).toMatchObject({ budget: "640MiB", measured: { step: 12, usage: { numSteps: 12 } } });
    expect(again.outcomes[2]).toMatchObject({ budget: "448MiB" });
    expect(scripts.float32.numSpawned).toBe(1);
    expect(scripts["float32-half"].attempts.at(-1)).toBeGreaterThan(100);
  });
});
