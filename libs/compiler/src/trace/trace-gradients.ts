import { splatOf } from "@anneal/graph";
import type { Tfjs } from "@anneal/runtime";
import type { GradConfig, NamedAttrMap, Tensor } from "@tensorflow/tfjs";
import { gradientOfNormalization } from "./normalizations.ts";
import type { TraceBackend } from "./trace-backend.ts";

type GradientFunction = (
  dy: Tensor,
  saved: Tensor[],
  attributes: NamedAttrMap,
) => Readonly<Record<string, () => Tensor>>;

/**
 * Gradients that tfjs has in a form that a graph is better without, as they are while something is traced: the same numbers,
 * within rounding, by fewer and larger ops. Passes could not do as well, since the tape adds up what these give with the
 * gradients of everything else that uses the same tensor.
 */
function traceGradients(tf: Tfjs, backend: TraceBackend): readonly GradConfig[] {
  const replaced = (kernelName: string, gradient: (original: GradConfig) => Partial<GradConfig>): GradConfig => {
    const original = tf.getGradient(kernelName);
    return { ...original, ...gradient(original) };
  };
  const isZero = (tensor: Tensor) => splatOf(backend.valueOf(tensor)) === 0;

  return [
    // tfjs adds up a slice for each repetition: thousands, where a layer repeats its weights over batch and sequence.
    replaced("Tile", () => ({
      inputsToSave: ["x"],
      gradFunc: gradient((dy, [x], { reps }) => ({
        x: () => (isZero(dy) ? tf.zerosLike(x!) : sumOverRepeats(dy, x!, reps as number[])),
      })),
    })),
    replaced("FusedBatchNorm", (original) => ({
      outputsToSave: [true],
      gradFunc: gradient((dy, saved, attributes) => {
        const [x, mean, variance, , y] = saved as [Tensor, Tensor, Tensor, Tensor, Tensor];
        const back = gradientOfNormalization(backend.valueOf(y));
        if (back === undefined) return original.gradFunc(dy, saved.slice(0, -1), attributes);
        const gradients = back(backend.valueOf(dy));
        return {
          x: () => backend.makeSymbolic(gradients.x).reshape(x.shape),
          scale: () => backend.makeSymbolic(gradients.scale).reshape(mean.shape),
          offset: () => backend.makeSymbolic(gradients.offset).reshape(mean.shape),
          // What would go back to the input through these is part of its gradient already.
          mean: () => tf.zerosLike(mean),
          variance: () => tf.zerosLike(variance),
        };
      }),
    })),
    // The ways back through mean and variance: of nothing, they are nothing.
    ...(["Mean", "Square", "Reshape"] as const).map((kernelName) =>
      replaced(kernelName, (original) => ({
        gradFunc: gradient((dy, saved, attributes) =>
          isZero(dy) ? { x: () => tf.zerosLike(saved[0]!) } : original.gradFunc(dy, saved, attributes),
        ),
      })),
    ),
    replaced("Sub", (original) => ({
      gradFunc: gradient((dy, saved, attributes) =>
        isZero(dy)
          ? { a: () => tf.zerosLike(saved[0]!), b: () => tf.zerosLike(saved[1]!) }
          : original.gradFunc(dy, saved, attributes),
      ),
    })),
  ];
}

/** tfjs's own type says that a gradient may be one of several outputs; none of these has more than one. */
function gradient(gradFunc: GradientFunction): GradConfig["gradFunc"] {
  return (dy, saved, attributes) => gradFunc(dy as Tensor, saved, attributes);
}

/** Every repetition's gradient, added up: `dy` in blocks of `[repeat, size]` for each axis, summed over the repeats. */
function sumOverRepeats(dy: Tensor, { shape }: Tensor, repeats: readonly number[]): Tensor {
  const blocks = shape.flatMap((size, axis) => [repeats[axis]!, size]);
  return dy
    .reshape(blocks)
    .sum(shape.map((_, axis) => 2 * axis))
    .reshape(shape);
}

/** Puts the gradients above in place of tfjs's own. Returns what puts those back. */
export function installTraceGradients(tf: Tfjs, backend: TraceBackend): () => void {
  const configs = traceGradients(tf, backend);
  const originals = configs.map(({ kernelName }) => tf.getGradient(kernelName));
  replaceGradients(tf, configs);
  return () => replaceGradients(tf, originals);
}

function replaceGradients(tf: Tfjs, configs: readonly GradConfig[]): void {
  for (const config of configs) {
    tf.unregisterGradient(config.kernelName);
    tf.registerGradient(config);
  }
}
