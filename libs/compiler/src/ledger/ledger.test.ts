import {
  assignVariable,
  attribute,
  makeValue,
  placeholder,
  readVariable,
  reduce,
  simpleCall,
  type TensorType,
  typeOf,
  type Value,
  variableHandle,
} from "@anneal/graph";
import { GraphSession, type NodeRun } from "@anneal/runtime";
import { expect, test } from "vitest";
import { compileProgram } from "../program.ts";
import { testTensorflow } from "../test-support/run-graph.ts";
import { isProduct, precisionOfProducts, summarizeKernels, timeShares } from "./kernels.ts";
import { measureMemory } from "./step-memory.ts";

const { backend } = testTensorflow();

const matrix = (size: number): TensorType => ({ dtype: "float32", shape: [size, size] });
const cast = (value: Value, to: "float32" | "bfloat16", scope = "") =>
  makeValue(
    "Cast",
    [value],
    { SrcT: attribute.type(typeOf(value).dtype), DstT: attribute.type(to), Truncate: attribute.bool(false) },
    { scope },
  );
const product = (a: Value, b: Value, scope = "") => simpleCall("MatMul", [a, b], { scope });

/** What TensorFlow recorded of the second call: the first one also optimizes. */
function record(size: number, make: (x: Value, variable: Value) => Value): readonly NodeRun[] {
  const type = matrix(size);
  const x = placeholder("x", type);
  const handle = variableHandle("state/w", type);
  const assigned = makeValue(
    "Identity",
    [x],
    { T: attribute.type("float32") },
    { controls: [assignVariable(handle, x)] },
  );
  const { savedModel, signatures } = compileProgram(
    { load: { feeds: [x], fetches: [assigned] }, run: { feeds: [x], fetches: [make(x, readVariable(handle, type))] } },
    [],
  );
  const session = new GraphSession(backend, savedModel);
  try {
    const values = Float32Array.from({ length: size * size }, (_, index) => Math.sin(index));
    session.bind(signatures.load)([values]);
    session.bind(signatures.run)([values]);
    return session.bindTraced(signatures.run)([values]).nodes;
  } finally {
    session.dispose();
  }
}

test("what a product ran in is read off its kernel", () => {
  const nodes = record(64, (x, w) => cast(product(cast(x, "bfloat16"), cast(w, "bfloat16"), "dense"), "float32"));
  expect(summarizeKernels(nodes).filter(({ op }) => isProduct(op))).toEqual([
    { op: expect.stringContaining("MatMul"), dtype: "bfloat16", numRuns: 1, microseconds: expect.any(Number) },
  ]);
  expect(precisionOfProducts(nodes, "bfloat16")).toEqual({ ranIn: "bfloat16", share: 1, exceptedShare: 0 });
  expect(precisionOfProducts(nodes, "float32")).toEqual({ ranIn: "bfloat16", share: 0, exceptedShare: 0 });
  const shares = timeShares(nodes);
  expect(Object.keys(shares).sort()).toEqual(["bfloat16", "float32"]);
  expect(shares.bfloat16! + shares.float32!).toBeCloseTo(1);
});

test("casts alone make no run bfloat16, and layers that stay in float32 by choice are no argument against it", () => {
  const rounded = record(64, (x, w) => product(cast(cast(x, "bfloat16"), "float32"), w));
  expect(precisionOfProducts(rounded, "bfloat16")).toEqual({ ranIn: "float32", share: 0, exceptedShare: 0 });
  const mixed = record(64, (x, w) =>
    product(cast(product(cast(x, "bfloat16"), cast(w, "bfloat16")), "float32"), w, "head"),
  );
  const { share } = precisionOfProducts(mixed, "bfloat16");
  expect(share).toBeGreaterThan(0);
  expect(share).toBeLessThan(1);
  const isHead = (name: string) => name.startsWith("head/");
  const { exceptedShare, ...others } = precisionOfProducts(mixed, "bfloat16", isHead);
  expect(others).toEqual({ ranIn: "bfloat16", share: 1 });
  expect(exceptedShare).toBeCloseTo(1 - share!);
  // Where all are excepted nothing else could be meant.
  expect(precisionOfProducts(mixed, "bfloat16", () => true)).toEqual({ ranIn: "float32", share, exceptedShare: 1 });
});

test("a step whose products cannot be seen is called by no number format", () => {
  const nodes = record(64, (x, w) => product(x, w)).map((node) =>
    isProduct(node.op) ? { ...node, op: "_XlaRun" } : node,
  );
  expect(precisionOfProducts(nodes, "bfloat16")).toEqual({ ranIn: null, share: null, exceptedShare: 0 });
  expect(precisionOfProducts([], "float32")).toEqual({ ranIn: null, share: null, exceptedShare: 0 });
});

test.each([16, 512])("memory of %i x %i matrices at the peak, by what it is for", (size) => {
  // At the last product its result and both factors are alive; the variable and the feed are not the step's own.
  const nodes = record(size, (x, w) => {
    const a = product(x, w, "dense");
    return product(a, product(a, w, "gradient/dense"), "dense");
  });
  const { tensors, copiedVariables } = measureMemory(nodes);
  const numBytes = size * size * 4;
  const own = tensors.filter((entry) => entry.class !== "workspace");
  expect(own).toEqual([
    { class: "activations", dtype: "float32", numBytes: 2 * numBytes, bytesAtPeak: 2 * numBytes },
    { class: "gradients", dtype: "float32", numBytes, bytesAtPeak: numBytes },
  ]);
  expect([...copiedVariables]).toEqual([]);
});

test.each([16, 512])("copies of variables in 16 bits are what the step computes with (%i x %i)", (size) => {
  const nodes = record(size, (x, w) =>
    cast(reduce("Sum", product(cast(x, "bfloat16"), cast(w, "bfloat16")), { axes: [0, 1] }), "float32"),
  );
  const { tensors, copiedVariables } = measureMemory(nodes);
  expect([...copiedVariables]).toEqual(["state/w"]);
  const copies = tensors.filter((entry) => entry.class === "weights");
  const numBytes = 2 * size * size;
  expect(copies).toEqual([{ class: "weights", dtype: "bfloat16", numBytes, bytesAtPeak: numBytes }]);
  const activations = tensors.find((entry) => entry.class === "activations" && entry.dtype === "bfloat16");
  expect(activations).toMatchObject({ numBytes: 2 * numBytes, bytesAtPeak: 2 * numBytes });
});
