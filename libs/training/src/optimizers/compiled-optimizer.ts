import { attribute, makeNode, makeValue, type Node, scalar, type Value } from "@anneal/graph";
import type { AdamSpec, OptimizerSpec, SgdSpec } from "./specs.ts";

/** A variable that is trained, as the graph has it. */
export interface GraphVariable {
  readonly name: string;
  readonly shape: readonly number[];
  readonly handle: Value;
  /** The read that the step computes with: the update comes after it. */
  readonly read: Value;
  /** Handles of its slots, by the last part of their names. */
  readonly slots: Readonly<Record<string, Value>>;
  readonly gradient: Value;
}

/** What changes from step to step, fed as one float32 vector: `scalarsOf` gives its values. */
export const numStepScalars = 4;

/**
 * Values for the vector: the learning rate, and what Adam needs of step `t` (from 1): `beta1^t`, `beta2^t`, and its epsilon times
 * sqrt(1 - beta2^t), since TensorFlow's fused update adds epsilon to a root that is not corrected.
 */
export function scalarsOf(spec: OptimizerSpec, learningRate: number, t: number): Float32Array {
  if (spec.name === "sgd") return Float32Array.of(learningRate, 0, 0, 0);
  const [power1, power2] = [spec.beta1 ** t, spec.beta2 ** t];
  return Float32Array.of(learningRate, power1, power2, spec.epsilon * Math.sqrt(1 - power2));
}

const float: { readonly T: ReturnType<typeof attribute.type> } = { T: attribute.type("float32") };

/**
 * Nodes that update variables and slots with TensorFlow's fused kernels, equal to the eager optimizer within rounding.
 *
 * @param scalars float32 of shape [numStepScalars]. Every update takes some of them: where they are dead, nothing is updated.
 */
export function updateNodes(spec: OptimizerSpec, variables: readonly GraphVariable[], scalars: Value): readonly Node[] {
  const unpack = makeNode("Unpack", [scalars], {
    ...float,
    num: attribute.int(numStepScalars),
    axis: attribute.int(0),
  });
  const fed = (index: number): Value => ({ node: unpack, index });
  const clipped = clip(spec, variables);
  return clipped.map((variable) =>
    spec.name === "sgd" ? sgdUpdate(spec, variable, fed(0)) : adamUpdate(spec, variable, fed),
  );
}

function sgdUpdate({ momentum, nesterov }: SgdSpec, variable: GraphVariable, rate: Value): Node {
  const { handle, read, slots, gradient, name } = variable;
  const options = { controls: [read.node], scope: name };
  if (slots.momentum === undefined) {
    return makeNode("ResourceApplyGradientDescent", [handle, rate, gradient], float, options);
  }
  const inputs = [handle, slots.momentum, rate, gradient, scalar(momentum)];
  const attributes = { ...float, use_nesterov: attribute.bool(nesterov) };
  return makeNode("ResourceApplyMomentum", inputs, attributes, options);
}

function adamUpdate(spec: AdamSpec, variable: GraphVariable, fed: (index: number) => Value): Node {
  const { handle, read, slots, gradient, name, shape } = variable;
  const decays = spec.weightDecay > 0 && spec.decays(name, shape);
  const controls = decays ? [decay(spec, variable, fed(0))] : [read.node];
  const inputs = [
    handle,
    slots.m!,
    slots.v!,
    fed(1),
    fed(2),
    fed(0),
    scalar(spec.beta1),
    scalar(spec.beta2),
    fed(3),
    gradient,
  ];
  return makeNode("ResourceApplyAdam", inputs, float, { controls, scope: name });
}

/** `w -= rate * decay * w`, before the update. */
function decay({ weightDecay }: AdamSpec, { handle, read, name }: GraphVariable, rate: Value): Node {
  const scope = { scope: name };
  const share = makeValue("Mul", [rate, scalar(weightDecay)], float, scope);
  const amount = makeValue("Mul", [read, share], float, scope);
  return makeNode("AssignSubVariableOp", [handle, amount], { dtype: attribute.type("float32") }, scope);
}

/** All gradients times `clipNorm / max(norm, clipNorm)`, with the norm over all of them. */
function clip({ clipNorm }: OptimizerSpec, variables: readonly GraphVariable[]): readonly GraphVariable[] {
  if (clipNorm === null || variables.length === 0) return variables;
  // L2Loss is half the sum of squares.
  const halves = variables.map(({ gradient }) => makeValue("L2Loss", [gradient], float));
  const half = makeValue("AddN", halves, { ...float, N: attribute.int(halves.length) });
  const norm = makeValue("Sqrt", [makeValue("Mul", [half, scalar(2)], float)], float);
  const scale = makeValue("RealDiv", [scalar(clipNorm), makeValue("Maximum", [norm, scalar(clipNorm)], float)], float);
  return variables.map((variable) => ({ ...variable, gradient: makeValue("Mul", [variable.gradient, scale], float) }));
}
