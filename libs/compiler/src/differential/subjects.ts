import type { Tfjs } from "@anneal/runtime";
import type { Tensor, Variable } from "@tensorflow/tfjs";
import { named, type Subject, withGradients } from "./both-ways.ts";
import { float, type InputSpec, valuesOf } from "./inputs.ts";
import type { Layer, LayerCase } from "./layers/case.ts";
import type { OpCase } from "./ops/case.ts";

/** A call of an op, and its gradients by every float32 input. */
export function opSubject(tf: Tfjs, { inputs, run, differentiable }: OpCase): Subject {
  return {
    inputs,
    run: (tensors) => {
      const by = differentiable === false ? {} : floatsOf(tensors);
      return withGradients(tf, () => [run(...tensors)].flat() as Tensor[], by);
    },
  };
}

/** A layer that was built, applied once, and the gradients by its inputs and weights. */
export function layerSubject(tf: Tfjs, layer: Layer, { inputs, gradients }: LayerCase, training: boolean): Subject {
  const weights = layer.weights.map((weight) => weight.read() as Variable);
  const trained = new Set<Tensor>(layer.trainableWeights.map((weight) => weight.read()));
  return {
    inputs,
    variables: weights,
    run: (tensors) => {
      // Bytes are float32 to a layer, but no case asks for a gradient by pixels.
      const pixels = tensors.filter((_, index) => inputs[index]!.type.dtype === "uint8");
      const by = {
        ...(gradients === "all" ? floatsOf(tensors.filter((tensor) => !pixels.includes(tensor))) : {}),
        ...(gradients === "none"
          ? {}
          : named(
              "weight",
              weights.filter((weight) => trained.has(weight)),
            )),
      };
      return withGradients(tf, () => outputsOf(layer, tensors, training), by);
    },
  };
}

/** Makes the layer's weights, by applying it, and gives them values of which none is like another. */
export function buildLayer(tf: Tfjs, { inputs, make }: LayerCase): Layer {
  const layer = make();
  tf.tidy(() => {
    const toTensor = (spec: InputSpec, index: number) => tf.tensor([...valuesOf(spec, index)], [...spec.type.shape]);
    outputsOf(layer, inputs.map(toTensor), false);
    layer.weights.forEach((weight, index) => {
      const range = weight.name.includes("variance") ? { from: 0.5, to: 1.5 } : { from: -0.5, to: 0.5 };
      const { shape } = weight.read();
      (weight.read() as Variable).assign(tf.tensor(valuesOf(float(shape, range), index), shape));
    });
  });
  return layer;
}

function outputsOf(layer: Layer, inputs: readonly Tensor[], training: boolean): Tensor[] {
  const outputs = layer.apply(inputs.length === 1 ? inputs[0]! : [...inputs], { training });
  return [outputs].flat() as Tensor[];
}

function floatsOf(tensors: readonly Tensor[]) {
  return Object.fromEntries(Object.entries(named("input", tensors)).filter(([, { dtype }]) => dtype === "float32"));
}
