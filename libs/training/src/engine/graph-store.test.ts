import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stateDigestOf } from "@anneal/checkpoint";
import type { Tensor } from "@tensorflow/tfjs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { initialLoopState } from "../loop/bookkeeping.ts";
import { tempFolder } from "../test-support/temp-folder.ts";
import { testTensorflow } from "../test-support/tensorflow.ts";
import { tinyBatch, tinyOptions, tinyRecipe } from "../test-support/tiny.ts";
import { CompiledEngine } from "./compiled-engine.ts";
import { readGraph } from "./graph-store.ts";

const engine = new CompiledEngine(testTensorflow());
let folder = tempFolder();
let numTraced = 0;
const recipe = tinyRecipe({
  loss: (labels: Tensor, outputs: Tensor) => {
    numTraced += 1;
    return outputs.sub(labels.toFloat().expandDims(1)).square().mean();
  },
});

function prepare(recorded: string | null) {
  numTraced = 0;
  const graphs = { directory: folder.path, recorded };
  return engine.prepare(tinyOptions({ recipe, lowering: "graph", graphs }));
}

function train(): string {
  for (let step = 0; step < 4; step++) engine.trainBatch(tinyBatch(step), { step, learningRate: 0.01 });
  engine.trainBatch(tinyBatch(4, 3), { step: 4, learningRate: 0.01 });
  const { model, optimizer, optimizerScalars } = engine.readState();
  return stateDigestOf({ model, optimizer, state: initialLoopState(optimizerScalars) });
}

beforeEach(() => {
  folder = tempFolder();
});
afterEach(() => {
  engine.dispose();
  folder[Symbol.dispose]();
});

test("nothing is kept before step 1; afterwards the graph is, and a resume takes it untraced", () => {
  const first = prepare(null);
  expect(readdirSync(folder.path)).toEqual([]);
  const expected = train();
  const second = prepare(first.graphDigest);
  expect(numTraced).toBe(0);
  expect(second).toMatchObject({ graphDigest: first.graphDigest, outputShape: first.outputShape });
  // The batch of another size is traced, with all that the kept graph can do.
  expect(train()).toBe(expected);
});

test("a graph that is damaged, or of other variables, is compiled anew", () => {
  const { graphDigest } = prepare(null);
  const expected = train();
  const program = join(folder.path, `${graphDigest}.pb`);
  const bytes = readFileSync(program);
  bytes[bytes.length >> 1]! ^= 1;
  writeFileSync(program, bytes);
  expect(readGraph(folder.path, graphDigest!)).toBeNull();
  expect(prepare(graphDigest).graphDigest).toBe(graphDigest);
  expect(numTraced).toBeGreaterThan(0);
  expect(train()).toBe(expected);
  const description = join(folder.path, `${graphDigest}.json`);
  const { variables, ...rest } = JSON.parse(readFileSync(description, "utf8"));
  writeFileSync(description, JSON.stringify({ ...rest, variables: variables.slice(1) }));
  prepare(graphDigest);
  expect(numTraced).toBeGreaterThan(0);
});

test("a folder that cannot be written does not end a training", () => {
  prepare(null);
  rmSync(folder.path, { recursive: true });
  writeFileSync(folder.path, "");
  train();
});
