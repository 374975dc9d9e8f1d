import { fileURLToPath } from "node:url";
import { loadTensorflow } from "@anneal/runtime";
import { createEngine } from "@anneal/training";
import { numElements } from "@anneal/data";
import { workloadRecipe } from "./recipe.ts";
import { findWorkload } from "./serve.ts";
const [name, roundsText = "10", top = "0", which = "float32,bfloat16"] = process.argv.slice(2);
const workload = findWorkload(name!);
const { tf } = loadTensorflow({ numIntraOpThreads: 2, numInterOpThreads: 2 });
const recipe = workloadRecipe(workload);
const { batchSize, inputs, labels, numClasses } = workload;
const rnd = (n: number, dt: string, max: number) => dt === "int32" ? Int32Array.from({ length: n }, (_, i) => (i * 7919 + (i >> 3)) % max) : Float32Array.from({ length: n }, (_, i) => ((i * 0.618034) % 1));
const batch = { numSamples: batchSize, inputs: rnd(batchSize * numElements(inputs.shape), inputs.dtype, 250) as never, labels: rnd(batchSize * numElements(labels.shape), labels.dtype, numClasses ?? 2) as never };
const engines = which.split(",").map((precision) => {
  const engine = createEngine.compiled(tf);
  const at = performance.now();
  engine.prepare({ recipe, recipePath: fileURLToPath(import.meta.url), parameters: {}, seed: 1, batchSize, inputs, labels, numClasses,
    optimizer: recipe.optimizer({ parameters: {}, totalSteps: 10, stepsPerEpoch: 10 }), initialWeights: null, lowering: "graph", precision: precision as never });
  console.log(precision, "prepare", (performance.now() - at).toFixed(0));
  return { precision, engine, times: [] as number[], loss: 0 };
});
for (let r = 0; r < Number(roundsText) + 2; r++) for (const e of engines) {
  const at = performance.now();
  e.loss = e.engine.trainBatch(batch, { step: r, learningRate: 0.001 } as never).sums.loss! / batchSize;
  if (r >= 2) e.times.push(performance.now() - at);
}
for (const e of engines) { e.times.sort((a, b) => a - b); console.log(name, e.precision, "min", e.times[0]!.toFixed(2), "med", e.times[e.times.length >> 1]!.toFixed(2), "loss", e.loss.toFixed(5)); }
if (Number(top) > 0) for (const e of engines) {
  const x = e.engine.explain();
  const byOp = new Map<string, [number, number]>();
  for (const n of x.nodes) { const c = byOp.get(n.op) ?? [0, 0]; byOp.set(n.op, [c[0] + n.microseconds / 1000, c[1] + 1]); }
  console.log(e.precision, x.passes.filter((p) => p.name === "mixed-precision").map((p) => `${p.milliseconds.toFixed(0)} ms ${p.numNodesBefore}->${p.numNodesAfter}`).join(), [...byOp].sort((a, b) => b[1][0] - a[1][0]).slice(0, Number(top)).map(([op, [ms, n]]) => `${op} ${ms.toFixed(2)} (${n})`).join(", "));
}
process.exit();
