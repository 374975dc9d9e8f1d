import type * as tfjs from "@tensorflow/tfjs";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { loadTensorflow, type OpAttribute, type TensorflowBackend, type Tfjs } from "./index.ts";
import { installSeededRandom, type SeededRandom } from "./seededRandom.ts";

let tf: Tfjs;
let random: SeededRandom;

beforeAll(() => {
  tf = loadTensorflow({ numIntraOpThreads: 2, numInterOpThreads: 2 }).tf;
});
beforeEach(() => {
  random = installSeededRandom(tf, { seed: 42 });
});
afterEach(() => random.uninstall());
afterAll(() => tf.disposeVariables());

const values = (tensor: tfjs.Tensor) => [...tensor.dataSync()];

describe("keys", () => {
  test("same seed and step, same bits; another step, draw or run seed, others", () => {
    const drawAt = (step: number) => {
      random.beginStep(step);
      return [values(tf.randomUniform([16])), values(tf.randomUniform([16]))] as const;
    };
    const [first, second] = drawAt(7);
    expect(drawAt(7)).toEqual([first, second]);
    expect(second).not.toEqual(first);
    expect(drawAt(8)[0]).not.toEqual(first);
    random = installSeededRandom(tf, { seed: 43 });
    expect(drawAt(7)[0]).not.toEqual(first);
  });

  test("a seed of its own fixes a draw's place, not its step", () => {
    random.beginStep(1);
    const alone = values(tf.randomUniform([16], 0, 1, "float32", 5));
    random.beginStep(1);
    tf.randomUniform([3]);
    expect(values(tf.randomUniform([16], 0, 1, "float32", 5))).toEqual(alone);
    expect(values(tf.randomUniform([16], 0, 1, "float32", 6))).not.toEqual(alone);
    random.beginStep(2);
    expect(values(tf.randomUniform([16], 0, 1, "float32", 5))).not.toEqual(alone);
  });

  test("a draw with a seed of its own does not move the others", () => {
    random.beginStep(1);
    const plain = values(tf.randomUniform([16]));
    random.beginStep(1);
    tf.randomUniform([16], 0, 1, "float32", 5);
    expect(values(tf.randomUniform([16]))).toEqual(plain);
  });

  test("initialisation has streams of its own", () => {
    const init = values(tf.randomUniform([16]));
    random.beginStep(0);
    expect(values(tf.randomUniform([16]))).not.toEqual(init);
    random.beginInit();
    expect(values(tf.randomUniform([16]))).toEqual(init);
  });

  test("only the second number changes from step to step, so that a graph can feed it", () => {
    const keys: number[][] = [];
    const makeKey = (first: number, step: number) => {
      keys.push([first, step]);
      return tf.tensor1d([first, step], "int32");
    };
    random = installSeededRandom(tf, { seed: 42, makeKey });
    for (const step of [0, 1]) {
      random.beginStep(step);
      tf.dropout(tf.ones([4]), 0.5);
      tf.randomNormal([4]);
    }
    const [a, b, c, d] = keys;
    expect([c?.[0], d?.[0]]).toEqual([a?.[0], b?.[0]]);
    expect(keys.map(([, step]) => step)).toEqual([0, 0, 1, 1]);
    expect(a?.[0]).not.toBe(b?.[0]);
  });

  test("what is no step is refused", () => {
    expect(() => random.beginStep(-1)).toThrow(RangeError);
    expect(() => random.beginStep(1.5)).toThrow(RangeError);
  });
});

describe("distributions", () => {
  const numSamples = 100_000;
  const moments = (tensor: tfjs.Tensor) => {
    const { mean, variance } = tf.moments(tensor);
    return { mean: mean.dataSync()[0] ?? Number.NaN, std: Math.sqrt(variance.dataSync()[0] ?? Number.NaN) };
  };

  test("uniform: bounds, mean and deviation", () => {
    const sample = tf.randomUniform([numSamples], -2, 4);
    expect(sample.min().dataSync()[0]).toBeGreaterThanOrEqual(-2);
    expect(sample.max().dataSync()[0]).toBeLessThan(4);
    expect(moments(sample).mean).toBeCloseTo(1, 1);
    expect(moments(sample).std).toBeCloseTo(6 / Math.sqrt(12), 1);
  });

  test("normal and truncated normal", () => {
    const { mean, std } = moments(tf.randomNormal([numSamples], 3, 2));
    expect([mean, std]).toEqual([expect.closeTo(3, 1), expect.closeTo(2, 1)]);
    const truncated = tf.truncatedNormal([numSamples], 3, 2);
    expect(truncated.min().dataSync()[0]).toBeGreaterThanOrEqual(-1);
    expect(truncated.max().dataSync()[0]).toBeLessThanOrEqual(7);
    expect(moments(truncated).std).toBeCloseTo(2 * 0.88, 1);
  });

  test("whole numbers take every value of their range and no other", () => {
    const sample = tf.randomUniformInt([1_000], 3, 6);
    expect(sample.dtype).toBe("int32");
    expect(new Set(sample.dataSync())).toEqual(new Set([3, 4, 5]));
    expect(tf.randomNormal([10], 0, 5, "int32").dtype).toBe("int32");
    expect(new Set(tf.randomUniform([1_000], -2, 2, "int32").dataSync())).toEqual(new Set([-1, 0, 1]));
  });

  test("gamma and multinomial", () => {
    expect(moments(tf.randomGamma([numSamples], 4, 2)).mean).toBeCloseTo(2, 1);
    const rows = tf.multinomial(
      tf.tensor2d([
        [0, 50],
        [50, 0],
      ]),
      8,
    ) as tfjs.Tensor;
    expect(rows.arraySync()).toEqual([Array(8).fill(1), Array(8).fill(0)]);
    expect((tf.multinomial(tf.tensor1d([0, 1]), 5, 1, true) as tfjs.Tensor).arraySync()).toEqual(Array(5).fill(1));
  });

  test("dropout keeps its share and scales it", () => {
    const { mean } = moments(tf.dropout(tf.ones([numSamples]), 0.3));
    expect(mean).toBeCloseTo(1, 1);
  });
});

/** A model with every layer of tfjs that draws while it trains, and the initialisers that draw most oddly. */
function buildModel(): tfjs.LayersModel {
  const { layers } = tf;
  const input = tf.input({ shape: [4, 6] });
  const recurrent = layers.lstm({ units: 8, dropout: 0.3, recurrentDropout: 0.3, recurrentInitializer: "orthogonal" });
  let x = layers.gaussianNoise({ stddev: 0.1 }).apply(input) as tfjs.SymbolicTensor;
  x = recurrent.apply(x) as tfjs.SymbolicTensor;
  x = layers.dense({ units: 8, kernelInitializer: "heNormal" }).apply(x) as tfjs.SymbolicTensor;
  x = layers.batchNormalization().apply(x) as tfjs.SymbolicTensor;
  x = layers.dropout({ rate: 0.4 }).apply(x) as tfjs.SymbolicTensor;
  x = layers.dropout({ rate: 0.4, seed: 9 }).apply(x) as tfjs.SymbolicTensor;
  x = layers.alphaDropout({ rate: 0.2 }).apply(x) as tfjs.SymbolicTensor;
  x = layers.gaussianDropout({ rate: 0.2 }).apply(x) as tfjs.SymbolicTensor;
  x = layers.dense({ units: 3, kernelInitializer: "truncatedNormal" }).apply(x) as tfjs.SymbolicTensor;
  return tf.model({ inputs: input, outputs: x });
}

interface State {
  readonly weights: Float32Array[];
}

/** Trains steps `from` to `to` with plain SGD on data that is a function of the step; returns the weights. */
function train(model: tfjs.LayersModel, from: number, to: number): State {
  const optimizer = tf.train.sgd(0.05);
  for (let step = from; step < to; step++) {
    random.beginStep(step);
    tf.tidy(() => {
      const x = tf.sin(tf.range(0, 8 * 24).add(step * 10)).reshape([8, 4, 6]);
      optimizer.minimize(() => tf.mean(tf.square(model.apply(x, { training: true }) as tfjs.Tensor)) as tfjs.Scalar);
    });
  }
  return { weights: model.getWeights().map((weight) => weight.dataSync().slice() as Float32Array) };
}

const build = () => {
  random.beginInit();
  return buildModel();
};

describe("training", () => {
  test("a model with every random layer builds and trains while Math.random throws, twice alike", () => {
    vi.spyOn(Math, "random").mockImplementation(() => {
      throw new Error("Math.random was called");
    });
    const first = train(build(), 0, 4);
    expect(train(build(), 0, 4)).toEqual(first);
    const untrained = train(build(), 0, 0);
    expect(first).not.toEqual(untrained);
  });

  test("no draw happens in JavaScript: each one is an op of TensorFlow", () => {
    const backend = tf.backend() as TensorflowBackend;
    const execute = vi.spyOn(backend, "executeSingleOutput" as never) as unknown as {
      mock: { calls: [string, OpAttribute[], tfjs.Tensor[]][] };
    };
    const numDraws = () => execute.mock.calls.filter(([op]) => op.startsWith("Stateless")).length;
    const model = build();
    // kernel and recurrent kernel of the LSTM (recurrent: one draw), two dense kernels
    expect(numDraws()).toBe(4);
    train(model, 0, 1);
    // noise, input and recurrent masks of the four gates, two dropouts, alpha and Gaussian dropout
    expect(numDraws()).toBe(4 + 1 + 8 + 4);
  });

  test("resumed at step 3 equals uninterrupted, bit for bit", () => {
    const whole = train(build(), 0, 6);
    const before = train(build(), 0, 3);
    const resumed = build();
    resumed.setWeights(before.weights.map((data, i) => tf.tensor(data, resumed.getWeights()[i]?.shape)));
    expect(train(resumed, 3, 6)).toEqual(whole);
  });

  test("layers of one step have masks of their own", () => {
    random.beginStep(5);
    const mask = () => values(tf.layers.dropout({ rate: 0.5 }).apply(tf.ones([64]), { training: true }) as tfjs.Tensor);
    const [first, second] = [mask(), mask()];
    expect(first).not.toEqual(second);
    random.beginStep(5);
    expect([mask(), mask()]).toEqual([first, second]);
  });
});

test("without the source tfjs draws as ever", () => {
  random.uninstall();
  const spy = vi.spyOn(Math, "random");
  tf.randomUniform([2]);
  expect(spy).toHaveBeenCalled();
});
