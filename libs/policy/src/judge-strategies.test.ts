import type { Metrics, StrategyMeasures, StrategyOutcome, TrainResult } from "@anneal/contracts";
import { expect, test } from "vitest";
import { judgeStrategies, measuresOf } from "./judge-strategies.ts";

interface Figures {
  readonly accuracy?: number | null;
  readonly speed?: number;
  readonly bytes?: number;
  readonly peak?: number;
  readonly digest?: string;
  readonly segments?: number;
}

/** A format of its own for every name but those of one beginning, as in `float32-stored`. */
const precisionOf = (name: string) => name.split("-")[0];

function outcome(
  name: string,
  { accuracy = 0.9, speed = 100, bytes = 1_000, peak = 1_000, digest, segments }: Figures,
) {
  const measured = {
    metric: "accuracy",
    direction: "maximize",
    metrics: { accuracy } as unknown as Metrics,
    samplesPerSecond: speed,
    modelBytes: bytes,
    usage: { peakRssBytes: peak },
    rungMoves: [],
    memory:
      segments === undefined ? null : { rung: { prefetchBatches: 8, microBatches: 1, recomputeSegments: segments } },
    ...(digest && { digest }),
  } as unknown as StrategyMeasures;
  return { strategy: { name, precision: precisionOf(name) }, status: "completed", measured } as StrategyOutcome;
}

const missing = (name: string): StrategyOutcome => ({ ...outcome(name, {}), status: "failed", measured: null });
const float32 = outcome("float32", {});
const judge = (outcomes: readonly StrategyOutcome[], withinPoints = 0.5, prefer = "fastest") =>
  judgeStrategies(outcomes, { withinPoints, prefer: prefer as "fastest" });

test("the fastest of those that are good enough", () => {
  const outcomes = [
    float32,
    outcome("bfloat16", { accuracy: 0.895, speed: 190 }),
    outcome("float16", { accuracy: 0.8949, speed: 400 }),
    missing("auto"),
  ];
  expect(judge(outcomes)).toMatchObject({ best: "bfloat16", metric: "accuracy" });
  expect(judge(outcomes).strategies).toMatchObject([
    { pointsWorse: 0, gain: { fastest: 1 } },
    { pointsWorse: 0.5, gain: { fastest: 1.9 } },
    { pointsWorse: 0.51, gain: { fastest: 4 } },
    { value: null, pointsWorse: null, gain: { fastest: null } },
  ]);
  expect(judge(outcomes, 1).best).toBe("float16");
  expect(judge(outcomes, 0).best).toBe("float32");
});

test("a person may prefer the smallest model, or the least memory", () => {
  const outcomes = [float32, outcome("small", { bytes: 500, peak: 990, speed: 50 }), outcome("light", { peak: 250 })];
  expect(judge(outcomes, 0.5, "smallest").best).toBe("small");
  expect(judge(outcomes, 0.5, "lightest").best).toBe("light");
});

test("of those that are equally small, the fastest", () => {
  const outcomes = [float32, outcome("a", { bytes: 500 }), outcome("b", { bytes: 500, speed: 190 })];
  expect(judge(outcomes, 0.5, "smallest").best).toBe("b");
  expect(judge([float32, outcome("b", { speed: 190 })], 0.5, "smallest").best).toBe("float32");
});

test("what may be the machine's noise makes no strategy better than one before it", () => {
  expect(judge([float32, outcome("same", { speed: 101.9 })]).best).toBe("float32");
  expect(judge([float32, outcome("better", { speed: 102.1 }), outcome("same", { speed: 103 })]).best).toBe("better");
});

test("the same steps are as fast and as light, whatever was measured: a format that was asked for and gained nothing wins nothing", () => {
  const first = outcome("float32", { digest: "a" });
  const same = outcome("bfloat16", { digest: "a", speed: 150, peak: 500 });
  expect(judge([first, same])).toMatchObject({
    best: "float32",
    strategies: [{ sameAs: null }, { sameAs: "float32", gain: { fastest: 1, lightest: 1 } }],
  });
  expect(judge([first, same], 0.5, "lightest").best).toBe("float32");
  // Smaller it may be all the same.
  const small = outcome("small", { digest: "a", bytes: 500 });
  expect(judge([first, small], 0.5, "smallest").best).toBe("small");
  expect(judge([first, outcome("other", { digest: "b", speed: 150 })]).best).toBe("other");
  // How weights are stored is no matter of steps, nor is that of steps that are the same by their bits.
  const stored = [
    first,
    outcome("float32-stored", { digest: "c", speed: 130, bytes: 500 }),
    outcome("bfloat16-stored", { digest: "c", speed: 170, bytes: 500 }),
  ];
  expect(judge(stored)).toMatchObject({
    best: "float32",
    strategies: [{ sameAs: null }, { sameAs: "float32" }, { sameAs: "float32", gain: { fastest: 1, smallest: 2 } }],
  });
  // What is computed again has the same bits and takes less memory.
  const segments = [1, 4].map((count) =>
    outcome(`float32-${count}`, { digest: "a", segments: count, peak: 1_000 / count }),
  );
  expect(judge(segments, 0.5, "lightest").best).toBe("float32-4");
});

test("what is clearly better wins over the first, and what is as good as that only if it is clearly better itself", () => {
  const outcomes = [float32, outcome("a", { speed: 101.5 }), outcome("b", { speed: 103 })];
  expect(judge(outcomes).best).toBe("b");
});

test("of a loss, less is better", () => {
  const lossOf = (name: string, loss: number, speed: number): StrategyOutcome => {
    const known = outcome(name, { speed });
    const measured = { ...known.measured!, metric: "loss", direction: "minimize" as const, metrics: { loss } };
    return { ...known, measured };
  };
  const outcomes = [lossOf("float32", 1.2, 100), lossOf("worse", 1.21, 300), lossOf("better", 1.1, 200)];
  expect(judge(outcomes).strategies.map(({ pointsWorse }) => pointsWorse)).toEqual([0, 1, -10]);
  expect(judge(outcomes).best).toBe("better");
});

test.each([
  ["nothing to compare", []],
  ["a first strategy without a result", [missing("float32"), outcome("bfloat16", {})]],
  ["a first strategy whose metric is no number", [outcome("float32", { accuracy: null }), outcome("bfloat16", {})]],
])("%s: no best one", (_what, outcomes) => {
  expect(judge(outcomes).best).toBeNull();
});

test("a run's measures leave validation out of its speed, and take the training's metrics where nothing was held out", () => {
  const result = {
    plan: { monitor: { metric: "train/loss", direction: "minimize" } },
    usage: { numSteps: 4, numSamples: 40, trainingMs: 3_000, validatingMs: 1_000, peakRssBytes: 7 },
    evaluation: null,
    metrics: { loss: 0.25 },
    step: 4,
  } as unknown as TrainResult;
  expect(measuresOf(result)).toMatchObject({
    metric: "loss",
    metrics: { loss: 0.25 },
    split: "train",
    samplesPerSecond: 20,
    modelBytes: null,
    rungMoves: [],
  });
  const untimed = { ...result, usage: { ...result.usage, numSamples: 0, trainingMs: 0, validatingMs: 0 } };
  expect(measuresOf(untimed).samplesPerSecond).toBeNull();
});
