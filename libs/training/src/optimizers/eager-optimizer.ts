import type { Tfjs } from "@anneal/runtime";
import type { Scalar, Tensor, Variable } from "@tensorflow/tfjs";
import type { AdamSpec, OptimizerSpec, SgdSpec } from "./specs.ts";

/** A variable that is trained, under its stable name. */
export interface TrainedVariable {
  readonly name: string;
  readonly variable: Variable;
}

export interface UpdateScalars {
  readonly learningRate: number;
  /** Updates made with this one: from 1. */
  readonly t: number;
}

/** The tensors that an optimizer keeps for each variable, by the last part of their names. */
const slotNames = { sgd: ["momentum"], adam: ["m", "v"], adamW: ["m", "v"] } as const;

/** Names of the slots that `spec` keeps. */
export function slotsOf(spec: OptimizerSpec): readonly string[] {
  return spec.name === "sgd" && spec.momentum === 0 ? [] : slotNames[spec.name];
}

/** The new value of a variable and of its slots. */
interface Update {
  readonly value: Tensor;
  readonly slots: Readonly<Record<string, Tensor>>;
}

type UpdateRule = (variable: TrainedVariable, gradient: Tensor, slots: Readonly<Record<string, Tensor>>) => Update;

/** Applies an optimizer by TensorFlow.js's own ops, with slots of our own. */
export class EagerOptimizer {
  readonly #tf: Tfjs;
  readonly #spec: OptimizerSpec;
  readonly #variables: readonly TrainedVariable[];
  /** Kept tensors by `<variable>/<slot>`. */
  readonly #slots = new Map<string, Tensor>();

  constructor(tf: Tfjs, spec: OptimizerSpec, variables: readonly TrainedVariable[]) {
    this.#tf = tf;
    this.#spec = spec;
    this.#variables = variables;
    for (const { name, variable } of variables) {
      for (const slot of slotsOf(spec)) this.#slots.set(`${name}/${slot}`, tf.keep(tf.zeros(variable.shape)));
    }
  }

  /** The slots in the order of the variables. The tensors stay the optimizer's. */
  get slots(): ReadonlyMap<string, Tensor> {
    return this.#slots;
  }

  /** Takes over a tensor as the value of a slot. */
  setSlot(name: string, value: Tensor): void {
    this.#slots.get(name)?.dispose();
    this.#slots.set(name, this.#tf.keep(value));
  }

  /** Updates every variable that has a gradient under its stable name. Call it within a tidy. */
  apply(gradients: ReadonlyMap<string, Tensor>, scalars: UpdateScalars): void {
    const rule = this.#spec.name === "sgd" ? sgdRule(this.#spec, scalars) : adamRule(this.#spec, scalars);
    const scale = this.#clipScale(gradients);
    for (const trained of this.#variables) {
      const gradient = gradients.get(trained.name);
      if (gradient === undefined) continue;
      const slots = Object.fromEntries(
        slotsOf(this.#spec).map((slot) => [slot, this.#slots.get(`${trained.name}/${slot}`)!]),
      );
      const update = rule(trained, scale === null ? gradient : gradient.mul(scale), slots);
      trained.variable.assign(update.value);
      for (const [slot, value] of Object.entries(update.slots)) this.setSlot(`${trained.name}/${slot}`, value);
    }
  }

  dispose(): void {
    for (const slot of this.#slots.values()) slot.dispose();
    this.#slots.clear();
  }

  /** `clipNorm / max(norm, clipNorm)`: never above 1, and without a division by a norm of zero. */
  #clipScale(gradients: ReadonlyMap<string, Tensor>): Scalar | null {
    const { clipNorm } = this.#spec;
    if (clipNorm === null) return null;
    const squares = [...gradients.values()].map((gradient) => gradient.square().sum());
    const norm = this.#tf.addN(squares).sqrt();
    return this.#tf.div<Scalar>(clipNorm, this.#tf.maximum(norm, clipNorm));
  }
}

function sgdRule({ momentum, nesterov }: SgdSpec, { learningRate }: UpdateScalars): UpdateRule {
  return ({ variable }, gradient, slots) => {
    const accumulated = slots.momentum;
    if (accumulated === undefined) return { value: variable.sub(gradient.mul(learningRate)), slots: {} };
    const next = accumulated.mul(momentum).add(gradient);
    const direction = nesterov ? next.mul(momentum).add(gradient) : next;
    return { value: variable.sub(direction.mul(learningRate)), slots: { momentum: next } };
  };
}

function adamRule(spec: AdamSpec, { learningRate, t }: UpdateScalars): UpdateRule {
  const { beta1, beta2, epsilon, weightDecay, decays } = spec;
  // m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + epsilon), with the corrections moved into two scalars: two passes
  // over the variable less, and computed in float64.
  const correction2 = Math.sqrt(1 - beta2 ** t);
  const rate = (learningRate * correction2) / (1 - beta1 ** t);
  const scaledEpsilon = epsilon * correction2;
  return ({ name, variable }, gradient, slots) => {
    const m = slots.m!.mul(beta1).add(gradient.mul(1 - beta1));
    const v = slots.v!.mul(beta2).add(gradient.square().mul(1 - beta2));
    const update = m.div(v.sqrt().add(scaledEpsilon)).mul(rate);
    const decayed =
      weightDecay > 0 && decays(name, variable.shape) ? variable.mul(1 - learningRate * weightDecay) : variable;
    return { value: decayed.sub(update), slots: { m, v } };
  };
}
