import { describe, expect, test } from "vitest";
import { makeNode, placeholder, reduce, reshape, simpleCall, transpose, typeAttribute } from "./build.ts";
import { makeGraph, typeOf } from "./graph.ts";
import { rewriteGraph, rewriteUntilStable, ruleByOp } from "./rewrite.ts";
import { verifyGraph } from "./verify.ts";

const x = placeholder("x", { dtype: "float32", shape: [2, 3] });
const opsOf = (graph: ReturnType<typeof makeGraph>) => graph.nodes.map(({ op }) => op);

describe("rewriting", () => {
  test("keeps nodes that did not change, and drops what nothing needs any more", () => {
    const kept = simpleCall("Exp", [x]);
    const graph = makeGraph({ kept, y: simpleCall("Neg", [simpleCall("Neg", [simpleCall("Abs", [x])])]) });
    const result = rewriteGraph(graph, ({ op, inputs }) => (op === "Neg" ? [inputs[0]!] : null));
    verifyGraph(result);
    expect(opsOf(result)).toEqual(["Placeholder", "Exp", "Abs"]);
    expect(result.outputs.kept).toEqual(kept);
  });

  test("refuses a replacement of another type", () => {
    const graph = makeGraph({ y: reduce("Sum", x, { axes: [0] }) });
    expect(() => rewriteGraph(graph, ({ op, inputs }) => (op === "Sum" ? [inputs[0]!] : null))).toThrow(
      /replaced output 0 of Sum, float32\[3\], by float32\[2,3\]/,
    );
  });

  test("ruleByOp leaves nodes with control edges as they are", () => {
    const waiting = makeNode("Neg", [x], typeAttribute("T", "float32"), { controls: [simpleCall("Exp", [x]).node] });
    const graph = makeGraph({ y: { node: waiting, index: 0 }, z: simpleCall("Neg", [x]) });
    const result = rewriteGraph(graph, ruleByOp({ Neg: ({ inputs }) => inputs[0]! }));
    expect(opsOf(result)).toEqual(["Placeholder", "Exp", "Neg"]);
  });

  test("until stable: a rule sees what it made, and two that undo each other are an error", () => {
    const graph = makeGraph({ y: simpleCall("Square", [x]) });
    const chain = { Square: () => simpleCall("Neg", [x]), Neg: () => simpleCall("Abs", [x]) };
    expect(opsOf(rewriteUntilStable(graph, ruleByOp(chain)))).toEqual(["Placeholder", "Abs"]);
    const circle = { ...chain, Abs: () => simpleCall("Square", [x]) };
    expect(() => rewriteUntilStable(graph, ruleByOp(circle))).toThrow(/100 rounds/);
  });
});

describe("shorthands", () => {
  test("reshape and transpose make nothing where nothing changes", () => {
    expect(reshape(x, [2, 3])).toBe(x);
    expect(transpose(x, [0, 1])).toBe(x);
    expect(typeOf(reshape(x, [6])).shape).toEqual([6]);
    expect(typeOf(transpose(x, [1, 0])).shape).toEqual([3, 2]);
  });
});
