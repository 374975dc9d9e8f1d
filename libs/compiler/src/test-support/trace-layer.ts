import { type Graph, makeGraph, placeholder, rewriteGraph, variableHandle } from "@anneal/graph";
import type { Tfjs } from "@anneal/runtime";
import type { layers, Tensor, Variable } from "@tensorflow/tfjs";
import { trace } from "../trace/trace.ts";
import type { Inputs } from "./run-graph.ts";

/** A layer's training step in both ways: as a graph, and what TensorFlow.js gives op by op. */
export interface TracedLayer {
  /** Outputs `y`, `gradient/<weight>` and `gradient/x` of a weighted sum of the layer's outputs, and what was assigned. */
  readonly graph: Graph;
  readonly inputs: Inputs;
  /** Values of the graph's outputs, by tfjs. */
  readonly eager: Readonly<Record<string, Float32Array>>;
}

/** @param shape of the layer's input, the batch included */
export function traceLayer(tf: Tfjs, layer: layers.Layer, shape: readonly number[], seed = 1): TracedLayer {
  const x = tf.variable(tf.randomNormal([...shape], 0.5, 2, "float32", seed));
  layer.apply(tf.zeros([...shape]));
  const weights = layer.weights.map((weight): readonly [string, Variable] => {
    const { val } = weight as unknown as { readonly val: Variable };
    val.assign(tf.randomUniform(val.shape, 0.1, 1.5, "float32", seed + 1));
    return [weight.name.split("/").at(-1)!, val];
  });
  const variables = new Map<string, Variable>([...weights, ["x", x]]);
  const cotangent = tf.tidy(() => {
    const { shape: outputShape } = layer.apply(x, { training: false }) as Tensor;
    return tf.keep(tf.randomNormal(outputShape, 0, 1, "float32", seed + 2));
  });
  const run = (weighting: Tensor): Record<string, Tensor> => {
    let y: Tensor | undefined;
    const differentiated = [...variables.values()].filter(({ trainable }) => trainable);
    const { grads } = tf.variableGrads(() => {
      y = tf.keep(layer.apply(x, { training: true }) as Tensor);
      return y.mul(weighting).sum();
    }, differentiated);
    const gradients = [...variables].flatMap(([name, { name: id }]) =>
      grads[id] === undefined ? [] : [[`gradient/${name}`, grads[id]] as const],
    );
    return { y: y!, ...Object.fromEntries(gradients) };
  };

  const inputs: Inputs = Object.fromEntries(
    [...variables, ["cotangent", cotangent] as const].map(([name, tensor]) => [
      name,
      { type: { dtype: "float32", shape: tensor.shape }, values: tensor.dataSync().slice() as Float32Array },
    ]),
  );
  const handles = new Map([...variables].map(([name]) => [name, variableHandle(name, inputs[name]!.type)]));
  const { outputs, assigned } = trace(tf, {
    inputs: { cotangent: placeholder("cotangent", inputs.cotangent!.type) },
    variables: [...variables].map(([name, variable]) => ({ name, variable, handle: handles.get(name)! })),
    body: (fed) => run(fed.cotangent),
  });
  const graph = makeGraph({ ...outputs, ...Object.fromEntries(assigned) });
  // What a variable holds is fed: these graphs are run once, in a session that nothing has written to.
  const reads = new Map([...handles].map(([name, { node }]) => [node, placeholder(name, inputs[name]!.type)]));
  const fed = rewriteGraph(graph, ({ op, inputs: taken }) =>
    op === "ReadVariableOp" ? [reads.get(taken[0]!.node)!] : null,
  );

  const results: Record<string, Tensor> = { ...run(cotangent), ...Object.fromEntries(variables) };
  const eager = Object.fromEntries(
    Object.keys(fed.outputs).map((name) => [name, results[name]!.dataSync().slice() as Float32Array]),
  );
  return { graph: fed, inputs, eager };
}
