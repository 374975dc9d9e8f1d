import { createHash } from "node:crypto";
import type { DataType, Tensor, Tensor1D } from "@tensorflow/tfjs";
import type { OpAttribute, TensorflowBackend, Tfjs } from "./tensorflow.ts";

/**
 * Random numbers that depend on the seed and the step alone.
 *
 * tfjs draws in JavaScript, from `Math.random`. With this source installed every random op of tfjs (initialisers,
 * dropout, noise layers, a recipe's own draws) becomes one of TensorFlow's stateless ops, whose output is a pure
 * function of its key. A run resumed at step k therefore draws what the undisturbed run drew at step k.
 *
 * The key is two int32, the op's `seed` input of shape [2]:
 *
 *     [ hash(run seed, stream, index or explicit seed), step ]
 *
 * - While a step runs, `stream` is "draw" and `index` counts the draws since `beginStep`, in program order; a draw
 *   with a seed of its own (a layer's `seed`) has the stream "seed" and that seed instead, and does not count. Two
 *   draws with the same seed and shape in one step are equal, as in tfjs; unlike there, they change with the step.
 * - While weights are initialised the streams are "init-draw" and "init-seed" and the second number is -1.
 *
 * A step on a batch in parts draws for each part of its own: the second number is then `stepKey(step, part)`.
 *
 * So the first number is a constant of the place in the program, and only the second changes from step to step: a
 * tracer passes a `makeKey` that packs the constant with its step placeholder, and the graph draws what eager drew.
 */
export interface SeededRandomOptions {
  /** Seed of the run, an integer. */
  readonly seed: number;
  /** Makes the op's key, int32 of shape [2], from its two numbers. By default a constant. */
  readonly makeKey?: (first: number, step: number) => Tensor1D;
}

export interface SeededRandom {
  /** Draws from here on are those of training step `step` (>= 0), on this part of its batch. By default the first. */
  beginStep(step: number, part?: number): void;
  /** Draws from here on are those of the initial weights, from the first. In force after the installation. */
  beginInit(): void;
  /** Gives tfjs its own random numbers back. */
  uninstall(): void;
}

/** What the patched tfjs-core asks before it draws itself; see patches/README.md. */
interface RandomSource {
  randomUniform(shape: number[], minval: number, maxval: number, dtype?: DataType | null, seed?: Seed): Tensor;
  randomNormal(shape: number[], mean: number, stdDev: number, dtype?: DataType | null, seed?: Seed): Tensor;
  truncatedNormal(shape: number[], mean: number, stdDev: number, dtype?: DataType | null, seed?: Seed): Tensor;
  randomGamma(shape: number[], alpha: number, beta: number, dtype?: DataType | null, seed?: Seed): Tensor;
  multinomial(logits: Tensor, numSamples: number, seed?: Seed, normalized?: boolean): Tensor;
}
type Seed = number | string | null | undefined;

const sourceKey = Symbol.for("anneal.randomSource");
const slot = globalThis as { [sourceKey]?: RandomSource };

const initStep = -1;

/** Installs the source in this thread, in place of an earlier one, with `beginInit` in force. Needs TensorFlow loaded. */
export function installSeededRandom(tf: Tfjs, options: SeededRandomOptions): SeededRandom {
  const { seed: runSeed, makeKey = (first, step) => tf.tensor1d([first, step], "int32") } = options;
  let step = initStep;
  let numDraws = 0;
  const nextKey = (seed: Seed): Tensor1D => {
    const prefix = step === initStep ? "init-" : "";
    const explicit = seed !== undefined && seed !== null;
    const place = explicit ? `${prefix}seed:${seed}` : `${prefix}draw:${numDraws++}`;
    return makeKey(hashToInt32(`${runSeed}:${place}`), step);
  };
  const source = createSource(tf, nextKey);
  slot[sourceKey] = source;
  const begin = (next: number) => {
    step = next;
    numDraws = 0;
  };
  return {
    beginStep: (next, part) => begin(stepKey(next, part)),
    beginInit: () => begin(initStep),
    uninstall() {
      if (slot[sourceKey] === source) delete slot[sourceKey];
    },
  };
}

/**
 * The second number of the keys of a step, on one part of its batch: the step itself for the first part, and a negative number that
 * is a hash of both for the others, whatever the number of parts. Never that of the initial weights.
 */
export function stepKey(step: number, part = 0): number {
  if (!Number.isInteger(step) || step < 0 || step > 0x7fff_ffff) throw new RangeError(`not a step: ${step}`);
  if (part === 0) return step;
  return -2 - (createHash("sha256").update(`${step}/${part}`).digest().readUInt32LE(0) >>> 2);
}

function createSource(tf: Tfjs, nextKey: (seed: Seed) => Tensor1D): RandomSource {
  // Looked up at each draw: a tracer registers a backend of its own.
  const backend = () => tf.backend() as TensorflowBackend;
  const type = (name: string, value: number): OpAttribute => ({ name, type: backend().binding.TF_ATTR_TYPE, value });
  const shapeTensor = (shape: number[]) => tf.tensor1d(shape, "int32");

  /** A draw of one of TensorFlow's stateless ops, float32, of the given shape. */
  const draw = (op: string, shape: number[], seed: Seed): Tensor => {
    const { TF_FLOAT, TF_INT32 } = backend().binding;
    const attributes = [type("dtype", TF_FLOAT), type("T", TF_INT32), type("Tseed", TF_INT32)];
    return backend().executeSingleOutput(op, attributes, [shapeTensor(shape), nextKey(seed)]);
  };
  // Without the needless multiplication by one and addition of zero: these would stay in a traced graph.
  const scaled = (x: Tensor, factor: number, offset: number): Tensor => {
    const product = factor === 1 ? x : tf.mul(x, factor);
    return offset === 0 ? product : tf.add(product, offset);
  };
  const normal = (op: string): RandomSource["randomNormal"] => {
    return (shape, mean, stdDev, dtype, seed) => {
      const values = scaled(draw(op, shape, seed), stdDev, mean);
      // As tfjs does: whole numbers are rounded, not cut.
      return dtype === "int32" ? tf.cast(tf.round(values), "int32") : values;
    };
  };
  return {
    randomUniform(shape, minval, maxval, dtype, seed) {
      if (dtype === "int32" && Number.isInteger(minval) && Number.isInteger(maxval) && minval >= 0 && maxval > minval) {
        // Exact over the whole range, where a float has only 24 bits.
        const { TF_INT32 } = backend().binding;
        const attributes = [type("dtype", TF_INT32), type("T", TF_INT32), type("Tseed", TF_INT32)];
        const range = [tf.scalar(minval, "int32"), tf.scalar(maxval, "int32")];
        return backend().executeSingleOutput("StatelessRandomUniformInt", attributes, [
          shapeTensor(shape),
          nextKey(seed),
          ...range,
        ]);
      }
      const values = scaled(draw("StatelessRandomUniform", shape, seed), maxval - minval, minval);
      return dtype === undefined || dtype === null || dtype === "float32"
        ? values
        : tf.cast(tf.cast(values, "int32"), dtype);
    },
    randomNormal: normal("StatelessRandomNormal"),
    truncatedNormal: normal("StatelessTruncatedNormal"),
    randomGamma(shape, alpha, beta, dtype, seed) {
      const { TF_FLOAT, TF_INT32 } = backend().binding;
      const attributes = [type("dtype", TF_FLOAT), type("T", TF_INT32), type("Tseed", TF_INT32)];
      const inputs = [shapeTensor(shape), nextKey(seed), tf.fill(shape, alpha)];
      const values = tf.div(backend().executeSingleOutput("StatelessRandomGammaV2", attributes, inputs), beta);
      return dtype === "int32" ? tf.cast(values, "int32") : values;
    },
    multinomial(logits, numSamples, seed, normalized) {
      const { TF_INT32 } = backend().binding;
      const scores = normalized ? tf.log(logits) : logits;
      const rows = scores.rank === 1 ? tf.reshape(scores, [1, -1]) : scores;
      const attributes = [
        type("T", backend().binding.TF_FLOAT),
        type("Tseed", TF_INT32),
        type("output_dtype", TF_INT32),
      ];
      const inputs = [rows, tf.scalar(numSamples, "int32"), nextKey(seed)];
      const samples = backend().executeSingleOutput("StatelessMultinomial", attributes, inputs);
      return scores.rank === 1 ? tf.reshape(samples, [numSamples]) : samples;
    },
  };
}

const hashes = new Map<string, number>();

/** The first four bytes of the text's sha256 as int32. Places repeat every step, so they are remembered. */
function hashToInt32(text: string): number {
  let hash = hashes.get(text);
  if (hash === undefined) {
    hash = createHash("sha256").update(text).digest().readInt32LE(0);
    if (hashes.size < 65_536) hashes.set(text, hash);
  }
  return hash;
}
