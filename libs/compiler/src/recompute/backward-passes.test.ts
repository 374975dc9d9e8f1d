import { makeGraph, makeValue, placeholder, simpleCall, typeAttribute, type Value } from "@anneal/graph";
import { expect, test } from "vitest";
import { findBackwardPasses } from "./backward-passes.ts";

const type = { dtype: "float32", shape: [4, 4] } as const;
const scoped = (scope: string) => ({ scope });

/** A step of one layer: its loss, and a gradient that takes the layer's result, a square that nobody else needs, and the loss. */
function stepOf(name: string) {
  const x = placeholder(name, type);
  const made = simpleCall("Tanh", [x], scoped("layer"));
  const loss = simpleCall("Exp", [made], scoped("loss"));
  const early = simpleCall("Square", [made], scoped("gradient/layer"));
  const seed = simpleCall("Neg", [loss], scoped("gradient/loss"));
  const gradient = simpleCall("Mul", [seed, early], scoped("gradient/layer"));
  const finite = makeValue("IsFinite", [gradient], typeAttribute("T", "float32"));
  return { made, loss, early, seed, gradient, finite };
}

test("what needs the last of the forward pass is the backward pass; gradient nodes that do not are computed forward", () => {
  const { made, loss, early, seed, gradient } = stepOf("x");
  const [pass, ...others] = findBackwardPasses(makeGraph({ gradient, loss }));
  expect(others).toEqual([]);
  // Right after what it is made from.
  expect(pass!.forward).toEqual([made.node, early.node, loss.node]);
  expect(pass!.backward).toEqual(new Set([seed.node, gradient.node]));
});

test("each step has a pass of its own, though the second one's updates wait for the first to be finite", () => {
  const [first, second] = [stepOf("a"), stepOf("b")];
  const both: Value = makeValue("LogicalAnd", [first.finite, second.finite]);
  const passes = findBackwardPasses(makeGraph({ both, a: first.gradient, b: second.gradient }));
  expect(passes.map(({ forward }) => forward)).toEqual(
    [second, first].map(({ made, early, loss }) => [made.node, early.node, loss.node]),
  );
  expect(passes[0]!.backward.has(both.node)).toBe(true);
});

test("a graph without gradients has none", () => {
  expect(findBackwardPasses(makeGraph({ loss: stepOf("x").loss }))).toEqual([]);
});
