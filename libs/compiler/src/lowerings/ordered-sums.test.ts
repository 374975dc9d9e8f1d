import { sameValue } from "@anneal/graph";
import { GraphSession } from "@anneal/runtime";
import type { Tensor } from "@tensorflow/tfjs";
import { expect, test } from "vitest";
import { compileProgram } from "../program.ts";
import { countOps, inputsOf } from "../test-support/recurrence.ts";
import { testTensorflow, traceFunction } from "../test-support/run-graph.ts";
import { expectSameNumbers } from "../test-support/same-numbers.ts";
import { orderedSums } from "./ordered-sums.ts";

const tensorflow = testTensorflow();
const { tf } = tensorflow;
const inputs = inputsOf({ a: [4, 4], b: [4, 4], c: [4, 4] });
type Tensors = Readonly<Record<"a" | "b" | "c", Tensor>>;

function sumOf(terms: (t: Tensors) => Tensor[]) {
  return traceFunction(tf, inputs, (t) => {
    const made = terms(t as never);
    return { sum: tf.addN(made), ...Object.fromEntries(made.slice(0, 2).map((term, index) => [`term${index}`, term])) };
  });
}

test("a term that is needed by the sum alone is put first", () => {
  const graph = sumOf(({ a, b, c }) => [a.tanh(), b.tanh(), c.tanh()]);
  const after = expectSameNumbers(tensorflow, graph, inputs, [orderedSums]);
  const sum = after.outputs.sum!.node;
  expect(sum.op).toBe("AddN");
  // The first two are outputs, too.
  expect([after.outputs.term0!, after.outputs.term1!].some((term) => sameValue(term, sum.inputs[0]!))).toBe(false);
});

test.each<[string, (t: Tensors) => Tensor[]]>([
  ["terms that others need as well", ({ a, b }) => [a.tanh(), b.tanh()]],
  ["views of other values", ({ a, b, c }) => [a.tanh(), b.tanh(), c.reshape([16]).reshape([4, 4])]],
  ["inputs", ({ a, b, c }) => [a, b, c]],
  ["one value several times", ({ a, c }) => [a.tanh(), a.tanh(), ...Array<Tensor>(2).fill(c.tanh())]],
])("a sum of %s alone is made of additions of two", (_name, terms) => {
  const graph = sumOf(terms);
  const numTerms = graph.outputs.sum!.node.inputs.length;
  const after = expectSameNumbers(tensorflow, graph, inputs, [orderedSums]);
  expect(countOps(after, "AddN", "AddV2")).toEqual([0, numTerms - 1]);
});

test("TensorFlow adds what one sum has in its order, even where it thinks that memory is short", () => {
  // By its own estimate more than the 256 MiB that it gives a CPU.
  const size = 14_000_000;
  const x = { type: { dtype: "float32", shape: [1] }, values: Float32Array.of(0.5) } as const;
  const graph = traceFunction(tf, { x }, ({ x }) => {
    const large = tf.tile(x!, [size]);
    const others = [large.tanh(), large.sin(), large.cos(), large.exp()];
    return {
      sum: tf.addN(others.map((other) => other.sum())),
      other: tf.addN(others.map((other) => other.mul(large).sum())),
    };
  });
  const { savedModel, signatures } = compileProgram(
    {
      run: {
        feeds: [graph.nodes.find(({ op }) => op === "Placeholder")!].map((node) => ({ node, index: 0 })),
        fetches: [graph.outputs.sum!, graph.outputs.other!],
      },
    },
    [],
  );
  const session = new GraphSession(tensorflow.backend, savedModel);
  const ops = session
    .bindTraced(signatures.run)([x.values])
    .nodes.map(({ op }) => op);
  session.dispose();
  expect(ops.filter((op) => /AddN|TemporaryVariable|AssignAdd/.test(op))).toEqual(["AddN", "AddN"]);
});
