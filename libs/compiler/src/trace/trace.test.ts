import { makeGraph, placeholder, variableHandle, verifyGraph } from "@anneal/graph";
import { describe, expect, test, vi } from "vitest";
import { largestDifference, opsOf, runGraph, testTensorflow, traceFunction } from "../test-support/run-graph.ts";
import { trace } from "./trace.ts";

const tensorflow = testTensorflow();
const { tf, backend } = tensorflow;

const x = { type: { dtype: "float32", shape: [2, 3] }, values: Float32Array.of(1, -2, 3, -4, 5, -6) } as const;

describe("a trace", () => {
  test("runs no kernel on what depends on an input", () => {
    const single = vi.spyOn(backend, "executeSingleOutput");
    const multiple = vi.spyOn(backend, "executeMultipleOutputs");
    traceFunction(tf, { x }, (t) => ({ y: t.x!.mul(tf.scalar(2).add(1)).relu().sum() }));
    const executed = [...single.mock.calls, ...multiple.mock.calls].map(([name]) => name);
    // Of constants alone: folded.
    expect(executed).toEqual(["Add"]);
  });

  test("computes what the function computes, its gradient included", () => {
    const f = (t: import("@tensorflow/tfjs").Tensor) => tf.softmax(t.square().add(1)).log().sum() as never;
    const graph = traceFunction(tf, { x }, (t) => ({ y: f(t.x!), dx: tf.grad(f)(t.x!) }));
    verifyGraph(graph);
    const { y, dx } = runGraph(tensorflow, graph, { x });
    const eager = tf.tensor(x.values, [2, 3]);
    expect(largestDifference(y!, (f(eager) as { dataSync(): Float32Array }).dataSync())).toBeLessThan(1e-5);
    expect(largestDifference(dx!, tf.grad(f)(eager).dataSync())).toBeLessThan(1e-5);
  });

  test("expands dimensions", () => {
    const graph = traceFunction(tf, { x }, (t) => ({ a: t.x!.expandDims(-1), b: t.x!.expandDims(1).add(1) }));
    const { b } = runGraph(tensorflow, graph, { x });
    expect(graph.outputs.a!.node.outputs).toEqual([{ dtype: "float32", shape: [2, 3, 1] }]);
    expect([...b!]).toEqual([...x.values].map((value) => value + 1));
  });

  test("keeps a constant of one value as one value", () => {
    const graph = traceFunction(tf, { x }, (t) => ({ y: t.x!.add(tf.ones([1000, 2, 3])) }));
    const constants = graph.nodes.flatMap(({ attributes: { value } }) =>
      value?.kind === "tensor" ? [value.value] : [],
    );
    expect(constants.map(({ data }) => data.length)).toEqual([1]);
    expect(runGraph(tensorflow, graph, { x }).y).toHaveLength(6000);
  });

  test("gives variables back as they were, and says what was assigned", () => {
    const variable = tf.variable(tf.tensor1d([1, 2, 3]));
    const handle = variableHandle("state/v", { dtype: "float32", shape: [3] });
    const { assigned, outputs } = trace(tf, {
      inputs: { x: placeholder("x", x.type) },
      variables: [{ name: "v", variable, handle }],
      body: (t) => {
        variable.assign(variable.add(t.x!.sum(0)));
        return { y: variable.sum() };
      },
    });
    expect([...variable.dataSync()]).toEqual([1, 2, 3]);
    expect(opsOf(makeGraph({ v: assigned.get("v")! }))).toContain("ReadVariableOp");
    // What is computed after an assignment sees the new value.
    expect(opsOf(makeGraph(outputs))).toContain("Placeholder");
    variable.dispose();
  });

  test("leaves no tensor behind, and the backend as it was", () => {
    const before = { ...tf.memory(), backend: tf.getBackend() };
    for (let index = 0; index < 3; index++) {
      traceFunction(tf, { x }, (t) => ({ y: tf.grad((v) => v.mul(v).sum())(t.x!) }));
    }
    expect(tf.memory().numTensors).toBe(before.numTensors);
    expect(tf.getBackend()).toBe(before.backend);
  });
});

describe("what cannot be traced is an error", () => {
  test.each([
    ["a value read back", (t: Tensors) => tf.scalar(t.x!.sum().dataSync()[0]!), /reads the values of Sum/],
    ["Math.random", (t: Tensors) => t.x!.mul(Math.random()), /Math\.random/],
    ["a shape that depends on data", (t: Tensors) => tf.unique(t.x!.flatten()).values, /UniqueV2/],
    ["an op without a row", (t: Tensors) => tf.real(tf.fft(tf.complex(t.x!, t.x!))), /Complex/],
  ])("%s", (_name, body, message) => {
    const run = () => traceFunction(tf, { x }, (t) => ({ y: body(t) }));
    expect(run).toThrowError(
      expect.objectContaining({ code: "TRACE_UNSUPPORTED", message: expect.stringMatching(message) }),
    );
    expect(tf.getBackend()).toBe("tensorflow");
    expect(Number.isFinite(Math.random())).toBe(true);
  });

  test("a tensor that is kept from one step to the next is no constant", () => {
    let last: import("@tensorflow/tfjs").Tensor = tf.zeros([2, 3]);
    const run = () =>
      traceFunction(tf, { x }, (t) => {
        last = tf.keep(last.add(t.x!));
        return { y: last.clone() };
      });
    run();
    expect(run).toThrowError(
      expect.objectContaining({
        code: "TRACE_UNSUPPORTED",
        message: expect.stringMatching(/outside of the model's var/),
      }),
    );
  });

  test("it names the layer", () => {
    const run = () =>
      trace(tf, {
        inputs: { x: placeholder("x", x.type) },
        variables: [],
        body: (t, scope) => ({ y: scope("my_layer", () => tf.unique(t.x!.flatten()).values) }),
      });
    expect(run).toThrowError(expect.objectContaining({ facts: expect.objectContaining({ layer: "my_layer" }) }));
  });
});

type Tensors = Readonly<Record<string, import("@tensorflow/tfjs").Tensor>>;
