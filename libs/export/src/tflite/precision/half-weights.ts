import { bytesOfArray } from "../builder.ts";
import type { TfliteGraph, TfliteTensor } from "../tflite-graph.ts";
import { floatsOf, isLargeWeight, mapInputs } from "./map-weights.ts";

/** Weights as float16, and one op each that makes float32 of them: runtimes run it once, or compute in float16 at once where they can. */
export function withHalfWeights(graph: TfliteGraph): TfliteGraph {
  const restored = new Map<TfliteTensor, TfliteTensor>();
  return mapInputs(graph, (weight, { scope }, _index, before) => {
    if (!isLargeWeight(weight)) return weight;
    const known = restored.get(weight);
    if (known !== undefined) return known;
    const half: TfliteTensor = {
      ...weight,
      dtype: "float16",
      read: () => bytesOfArray(Float16Array.from(floatsOf(weight))),
    };
    const whole: TfliteTensor = { ...weight, name: `${weight.name}/float32`, read: null };
    before({ op: "DEQUANTIZE", inputs: [half], outputs: [whole], options: null, activation: "NONE", scope });
    restored.set(weight, whole);
    return whole;
  });
}
