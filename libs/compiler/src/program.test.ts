import {
  assignVariable,
  makeValue,
  placeholder,
  readVariable,
  scalar,
  typeAttribute,
  variableHandle,
} from "@anneal/graph";
import { GraphSession } from "@anneal/runtime";
import { afterEach, expect, test } from "vitest";
import { compileProgram } from "./program.ts";
import { testTensorflow } from "./test-support/run-graph.ts";

const { backend, binding } = testTensorflow();
const float = { dtype: "float32", shape: [2] } as const;

/** A counter of two numbers: entries that share a variable. */
function counter() {
  const handle = variableHandle("state/counter", float);
  const fed = (name: string) => placeholder(name, float);
  const [start, amount] = [fed("start"), fed("amount")];
  const assign = assignVariable(handle, start);
  const sum = makeValue("AddV2", [readVariable(handle, float), amount], typeAttribute("T", "float32"));
  const add = assignVariable(handle, sum);
  const done = (controls: typeof assign) =>
    makeValue("Identity", [scalar(1)], typeAttribute("T", "float32"), { controls: [controls] });
  return compileProgram(
    {
      load: { feeds: [start], fetches: [done(assign)] },
      add: { feeds: [amount, fed("unused")], fetches: [done(add), sum] },
      read: { feeds: [], fetches: [readVariable(handle, float)] },
    },
    [],
  );
}

let session: GraphSession | undefined;
afterEach(() => {
  session?.dispose();
  session = undefined;
});

test("entries of a program share their variables, for as long as the session lives", () => {
  const { savedModel, signatures } = counter();
  session = new GraphSession(backend, savedModel);
  session.bind(signatures.load)([Float32Array.of(1, 2)]);
  const add = session.bind(signatures.add);
  add([Float32Array.of(10, 20), Float32Array.of(0, 0)]);
  const [, sum] = add([Float32Array.of(10, 20), Float32Array.of(0, 0)]);
  expect([...sum!]).toEqual([21, 42]);
  expect([...session.bind(signatures.read)([])[0]!]).toEqual([21, 42]);
});

test("no tensor is left behind, whether a call succeeds or fails", () => {
  const { savedModel, signatures } = counter();
  session = new GraphSession(backend, savedModel);
  const before = binding.getNumOfTensors();
  const read = session.bind(signatures.read);
  // Nothing was assigned yet.
  expect(() => read([])).toThrow(/counter/);
  session.bind(signatures.load)([Float32Array.of(1, 2)]);
  read([]);
  expect(binding.getNumOfTensors()).toBe(before);
});

test("a traced call says what ran, node by node", () => {
  const { savedModel, signatures } = counter();
  session = new GraphSession(backend, savedModel);
  session.bind(signatures.load)([Float32Array.of(1, 2)]);
  const { outputs, nodes } = session.bindTraced(signatures.add)([Float32Array.of(1, 1), Float32Array.of(0, 0)]);
  expect(outputs.map((values) => [...values])).toEqual([[1], [2, 3]]);
  const added = nodes.find(({ name }) => name === "AddV2");
  expect(added?.label).toContain("AddV2(");
  expect(added?.microseconds).toBeGreaterThanOrEqual(0);
});

test("the same program gives the same bytes", () => {
  expect(Buffer.compare(counter().savedModel, counter().savedModel)).toBe(0);
});

test("a variable never lies in the memory that it was loaded from", () => {
  const { savedModel, signatures } = counter();
  session = new GraphSession(backend, savedModel);
  const [load, read] = [session.bind(signatures.load), session.bind(signatures.read)];
  // Starts on a page, so that TensorFlow takes it as it is.
  const fed = new Float32Array(new SharedArrayBuffer(8, { maxByteLength: 4_096 }));
  fed.set([1, 2]);
  load([fed]);
  fed.fill(9);
  expect(read([])).toEqual([Float32Array.of(1, 2)]);
});
