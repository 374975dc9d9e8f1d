import type { TransformFactory } from "@anneal/data";

const numFeatures = 256;
const numWaves = 12;

/** What takes time in front of many a model: features that are computed anew for each record. */
export function expand(source: ArrayLike<number>, target: { [index: number]: number }): void {
  for (let feature = 0; feature < numFeatures; feature += 1) {
    let sum = 0;
    for (let wave = 0; wave < numWaves; wave += 1)
      sum += Math.sin((wave + 1) * source[(feature + wave) % 16]! + feature);
    target[feature] = sum / numWaves;
  }
}

const waves: TransformFactory = () => ({
  output: { shape: [numFeatures], dtype: "float32" },
  apply(source, target) {
    expand(source, target);
  },
});
export default waves;
