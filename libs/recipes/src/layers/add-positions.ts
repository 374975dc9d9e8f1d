import type { LayerVariable, Tensor } from "@tensorflow/tfjs";
import * as tf from "@tensorflow/tfjs";

type Shape = (number | null)[];

/** Adds a learnt vector to each position: `[batch, sequence, width]`. */
export class AddPositions extends tf.layers.Layer {
  static readonly className = "AddPositions";
  #positions: LayerVariable | null = null;

  override build(inputShape: Shape | Shape[]): void {
    const [, sequence, width] = inputShape as number[];
    const initializer = tf.initializers.randomNormal({ stddev: 0.02 });
    this.#positions = this.addWeight("positions", [sequence!, width!], "float32", initializer);
    super.build(inputShape);
  }

  override computeOutputShape(inputShape: Shape | Shape[]): Shape {
    return inputShape as Shape;
  }

  override call(inputs: Tensor | Tensor[]): Tensor {
    return tf.add(Array.isArray(inputs) ? inputs[0]! : inputs, this.#positions!.read());
  }
}
