import {
  makeGraph,
  makeNode,
  type Node,
  placeholder,
  reduce,
  simpleCall,
  typeAttribute,
  type Value,
} from "@anneal/graph";
import { expect, test } from "vitest";
import { predictMemory } from "../../memory/predict-memory.ts";
import { promptReleases } from "./prompt-releases.ts";

const numLayers = 8;
const type = { dtype: "float32", shape: [64, 64] } as const;
const multiply = (a: Value, b: Value, scope: string): Value => ({
  node: makeNode("MatMul", [a, b], typeAttribute("T", "float32"), { scope }),
  index: 0,
});

/** Layers and their gradients: by the input, from layer to layer, and by the weights, which anybody may forget. */
function entry(name: string) {
  const w = placeholder(`${name}/w`, type);
  const activations = [placeholder(`${name}/x`, type)];
  for (let layer = 0; layer < numLayers; layer++) activations.push(multiply(activations.at(-1)!, w, `layer${layer}`));
  let gradient = simpleCall("Square", [activations.at(-1)!], { scope: "loss" });
  const sums: Value[] = [];
  for (let layer = numLayers - 1; layer >= 0; layer--) {
    const scope = `gradient/layer${layer}`;
    sums.push(reduce("Sum", multiply(activations[layer]!, gradient, scope), { axes: [0, 1] }));
    gradient = multiply(gradient, w, scope);
  }
  return sums;
}

test("gradients of weights come before the layer before them, whatever the number of threads", () => {
  // The first sum needs the last gradient: without an order all others may wait for it.
  const [a, ...others] = entry("train").reverse() as [Value, ...Value[]];
  const graph = makeGraph({ total: others.reduce((sum, term) => simpleCall("AddV2", [sum, term]), a) });
  const after = promptReleases.run(graph);
  const waiting = after.nodes.filter(({ op }) => op === "Bitcast");
  expect(waiting.length).toBeGreaterThan(numLayers / 2);
  for (const numThreads of [1, 2, 8]) {
    // All activations but the fed one, a gradient, the next, and a product of weights.
    const most = (numLayers + 3) * 64 * 64 * 4 * 1.05;
    expect(predictMemory(after, { numThreads }).peakBytes).toBeLessThan(most);
  }
});

test("no entry waits for another one's nodes", () => {
  const outputs = Object.fromEntries(
    ["train", "other"].flatMap((name) => entry(name).map((sum, index) => [`${name}/${index}`, sum] as const)),
  );
  const { outputs: after } = promptReleases.run(makeGraph(outputs));
  for (const name of ["train", "other"]) {
    const own = Object.entries(after).filter(([output]) => output.startsWith(name));
    const feeds = makeGraph(Object.fromEntries(own)).nodes.filter(({ op }: Node) => op === "Placeholder");
    expect(feeds.map((feed) => feed.name!.split("/")[0])).toEqual([name, name]);
  }
});
