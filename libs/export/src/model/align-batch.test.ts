import {
  constant,
  type Graph,
  intVector,
  makeGraph,
  makeValue,
  placeholder,
  reduce,
  reshape,
  simpleCall,
} from "@anneal/graph";
import { expect, test } from "vitest";
import { alignBatch } from "./align-batch.ts";

/** A graph of a batch of so many samples of 6 values. */
function graphFor(
  numSamples: number,
  make: (inputs: ReturnType<typeof placeholder>) => ReturnType<typeof placeholder>,
) {
  const inputs = placeholder("inputs", { dtype: "float32", shape: [numSamples, 6] });
  return { graph: makeGraph({ outputs: make(inputs) }), numSamples };
}

function align(make: (inputs: ReturnType<typeof placeholder>, numSamples: number) => ReturnType<typeof placeholder>) {
  const [first, second] = [7, 11].map((size) => graphFor(size, (inputs) => make(inputs, size)));
  return { graph: first!.graph as Graph, aligned: alignBatch(first!, second!) };
}

test("sizes that grow with the batch are found, also where they are several for a sample", () => {
  const { graph, aligned } = align((inputs, size) => reshape(inputs, [size * 2, 3]));
  if ("reason" in aligned) throw new Error(aligned.reason);
  expect(aligned.dimsOf(graph.outputs.outputs!)).toEqual([{ perSample: 2 }, 3]);
  const shape = graph.outputs.outputs!.node.inputs[1]!;
  expect(aligned.intsOf(shape)).toEqual([{ perSample: 2 }, 3]);
});

test("a size of the model that a batch happens to have stays what it is", () => {
  const { graph, aligned } = align((inputs) =>
    simpleCall("AddV2", [
      reduce("Sum", inputs, { axes: [1] }),
      constant({ dtype: "float32", shape: [1], data: Float32Array.of(7) }),
    ]),
  );
  if ("reason" in aligned) throw new Error(aligned.reason);
  expect(aligned.dimsOf(graph.outputs.outputs!)).toEqual([{ perSample: 1 }]);
});

test("one value that fills a shape may fill a larger one", () => {
  const { aligned } = align((inputs, size) =>
    simpleCall("AddV2", [inputs, constant({ dtype: "float32", shape: [size, 6], data: Float32Array.of(0.5) })]),
  );
  expect(aligned).not.toHaveProperty("reason");
});

test.each([
  ["another constant", (size: number) => constant({ dtype: "float32", shape: [], data: Float32Array.of(1 / size) })],
  [
    "a list that is longer",
    (size: number) => constant({ dtype: "float32", shape: [size, 1], data: new Float32Array(size).map((_, i) => i) }),
  ],
])("%s holds for one batch alone", (_name, make) => {
  const { aligned } = align((inputs, size) => simpleCall("AddV2", [inputs, make(size)]));
  expect(aligned).toHaveProperty("reason", expect.stringContaining("Const"));
});

test("a size that is no multiple of the batch holds for one batch alone", () => {
  const { aligned } = align((inputs, size) =>
    makeValue("Slice", [inputs, intVector([0, 0]), intVector([size - 1, 6])], {}),
  );
  expect(aligned).toHaveProperty("reason");
});
