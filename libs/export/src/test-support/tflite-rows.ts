import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AnnealError } from "@anneal/contracts";
import { callFamilies, execute, type TestCall } from "@anneal/graph/test-calls";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { emitTflite } from "../tflite/emit-graph.ts";
import { tfliteRows } from "../tflite/rows/index.ts";
import { largestDifference } from "./compare.ts";
import { modelOfCall } from "./predicting-call.ts";
import { runTflite, type TfliteCase, type TfliteInput, type TfliteOutcome } from "./run-tflite.ts";

const tolerance = 1e-5;

interface Tried {
  readonly op: string;
  readonly call: TestCall;
  readonly expected: readonly (readonly number[])[];
  readonly tried: TfliteCase;
}

/** What TensorFlow makes of a call; null where it refuses. */
function byTensorflow(call: TestCall, numOutputs: number): readonly number[][] | null {
  const results: number[][] = [];
  try {
    execute(call, numOutputs, (tf, ids) => {
      for (const id of ids) results.push(Array.from(tf.tensorDataSync(id) as Float32Array, Number));
    });
    return results;
  } catch {
    return null;
  }
}

/** Where several values fall on one place, it is open which of them stays. */
function isOpen({ op, inputs }: TestCall): boolean {
  if (op !== "TensorScatterUpdate") return false;
  const { type, values } = inputs[1]!;
  const depth = type.shape.at(-1)!;
  const rows = Array.from(
    { length: values.length / depth },
    (_, row) => `${values.slice(row * depth, (row + 1) * depth)}`,
  );
  return new Set(rows).size < rows.length;
}

/** A call as a model of the format; null where either side refuses it with a code. */
function tryCall(call: TestCall): Tried | null {
  const model = modelOfCall(call);
  if (model === null) return null;
  const expected = byTensorflow(call, model.graph.nodes.at(-1)!.outputs.length);
  if (expected === null) return null;
  try {
    const { graph } = emitTflite(model);
    const inputs = Object.fromEntries(
      model.inputs.map(({ name, value }): [string, TfliteInput] => {
        const { values } = call.inputs[Number(name.slice("input".length))]!;
        return [name, { ...value.node.outputs[0]!, values }];
      }),
    );
    return { op: call.op, call, expected, tried: { graph, inputs } };
  } catch (error) {
    if (error instanceof AnnealError) return null;
    throw error;
  }
}

/** Models of a single call, so many of each op, generated, in LiteRT against TensorFlow. */
export function describeRows(numCalls: number): void {
  const calls = Object.values(callFamilies)
    .flatMap((family) => Object.entries(family))
    .filter(([op]) => Object.hasOwn(tfliteRows, op));
  const folder = mkdtempSync(join(tmpdir(), "anneal-tflite-calls-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const outcomes = new Map<string, { readonly tried: Tried; readonly outcome: TfliteOutcome }[]>();

  beforeAll(async () => {
    const all = calls.flatMap(([, arbitrary]) => {
      const wanted = arbitrary.filter((call) => modelOfCall(call) !== null && !isOpen(call));
      return fc.sample(wanted, { seed: 1, numRuns: numCalls }).flatMap((call) => tryCall(call) ?? []);
    });
    const found = await runTflite(
      folder,
      all.map(({ tried }) => tried),
    );
    all.forEach((tried, index) => {
      outcomes.set(tried.op, [...(outcomes.get(tried.op) ?? []), { tried, outcome: found[index]! }]);
    });
  });

  test.each(calls.map(([op]) => op))("%s", (op) => {
    const found = outcomes.get(op) ?? [];
    for (const { tried, outcome } of found) {
      const shown = JSON.stringify(tried.call);
      if ("refused" in outcome) throw new Error(`${outcome.refused}: ${shown}`);
      outcome.outputs.forEach((values, index) => {
        expect(largestDifference(tried.expected[index]!, values), shown).toBeLessThan(tolerance);
      });
    }
    // What is refused shows nothing.
    expect(found.length).toBeGreaterThan(numCalls / 4);
  });
}
