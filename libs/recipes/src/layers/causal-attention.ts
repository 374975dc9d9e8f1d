import type { LayerVariable, Tensor, Tensor2D } from "@tensorflow/tfjs";
import * as tf from "@tensorflow/tfjs";

type Shape = (number | null)[];

const parts = ["query", "key", "value", "attention_output"] as const;
type Part = (typeof parts)[number];

/** Multi-head self-attention in which no position sees a later one (Vaswani et al. 2017, arXiv 1706.03762). */
export class CausalAttention extends tf.layers.Layer {
  static readonly className = "CausalAttention";
  readonly #numHeads: number;
  readonly #weights = new Map<Part, { readonly kernel: LayerVariable; readonly bias: LayerVariable }>();

  constructor({ name, numHeads }: { readonly name: string; readonly numHeads: number }) {
    super({ name });
    this.#numHeads = numHeads;
  }

  override build(inputShape: Shape | Shape[]): void {
    const width = (inputShape as number[]).at(-1)!;
    const [glorot, zeros] = [tf.initializers.glorotUniform({}), tf.initializers.zeros()];
    for (const part of parts) {
      const kernel = this.addWeight(`${part}_kernel`, [width, width], "float32", glorot);
      const bias = this.addWeight(`${part}_bias`, [width], "float32", zeros);
      this.#weights.set(part, { kernel, bias });
    }
    super.build(inputShape);
  }

  override computeOutputShape(inputShape: Shape | Shape[]): Shape {
    return inputShape as Shape;
  }

  override call(inputs: Tensor | Tensor[]): Tensor {
    return tf.tidy(() => {
      const x = only(inputs);
      const [batch, sequence, width] = x.shape as [number, number, number];
      const headWidth = width / this.#numHeads;
      const rows = x.reshape<Tensor2D>([batch * sequence, width]);
      const [query, key, value] = (["query", "key", "value"] as const).map((part) =>
        this.#project(part, rows).reshape([batch, sequence, this.#numHeads, headWidth]).transpose([0, 2, 1, 3]),
      ) as [Tensor, Tensor, Tensor];
      const scores = tf.matMul(query.mul(1 / Math.sqrt(headWidth)), key, false, true);
      const attended = tf.matMul(scores.add(laterPositions(sequence)).softmax(), value);
      const joined = attended.transpose([0, 2, 1, 3]).reshape<Tensor2D>([batch * sequence, width]);
      return this.#project("attention_output", joined).reshape([batch, sequence, width]);
    });
  }

  #project(part: Part, rows: Tensor2D): Tensor {
    const { kernel, bias } = this.#weights.get(part)!;
    return tf.matMul(rows, kernel.read() as Tensor2D).add(bias.read());
  }
}

/** What hides later positions from a softmax: `[sequence, sequence]`, zero up to the diagonal. */
function laterPositions(sequence: number): Tensor {
  const values = new Float32Array(sequence * sequence);
  for (let row = 0; row < sequence; row += 1) values.fill(-1e9, row * sequence + row + 1, (row + 1) * sequence);
  return tf.tensor2d(values, [sequence, sequence]);
}

function only(inputs: Tensor | Tensor[]): Tensor {
  return Array.isArray(inputs) ? inputs[0]! : inputs;
}
