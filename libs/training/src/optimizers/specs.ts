import { requireAll, type Schedule, toSchedule } from "./schedules.ts";

/** What every optimizer has. */
interface CommonOptions {
  readonly learningRate: number | Schedule;
  /** Gradients are scaled down together when their joint L2 norm is larger. */
  readonly clipNorm?: number;
}

export interface SgdOptions extends CommonOptions {
  /** Default 0: plain gradient descent. */
  readonly momentum?: number;
  /** Look ahead along the momentum (Nesterov 1983; as in Sutskever et al. 2013). Default false. */
  readonly nesterov?: boolean;
}

export interface AdamOptions extends CommonOptions {
  /** Decay of the mean of gradients. Default 0.9. */
  readonly beta1?: number;
  /** Decay of the mean of squared gradients. Default 0.999. */
  readonly beta2?: number;
  /** Default 1e-7. */
  readonly epsilon?: number;
}

export interface AdamWOptions extends AdamOptions {
  /** Decoupled decay, scaled by the learning rate. Default 0.01. */
  readonly weightDecay?: number;
  /** Variables that decay, by name. Default: those of rank 2 and more, so neither biases nor norms. */
  readonly decays?: (name: string, shape: readonly number[]) => boolean;
}

interface CommonSpec {
  readonly schedule: Schedule;
  readonly clipNorm: number | null;
}

export interface SgdSpec extends CommonSpec {
  readonly name: "sgd";
  readonly momentum: number;
  readonly nesterov: boolean;
}

export interface AdamSpec extends CommonSpec {
  readonly name: "adam" | "adamW";
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
  readonly decays: (name: string, shape: readonly number[]) => boolean;
}

/** An optimizer as data: each engine applies it in its own way, with slots of the same names. */
export type OptimizerSpec = SgdSpec | AdamSpec;

/**
 * Stochastic gradient descent, with momentum: `a = momentum a + g; w -= lr a`. State: `<variable>/momentum` where there is
 * momentum.
 *
 * @throws AnnealError RECIPE_INVALID for a negative learning rate, a `momentum` outside of 0 <= m < 1, `nesterov` without
 *   momentum, a `clipNorm` that is not positive
 */
export function sgd({ learningRate, momentum = 0, nesterov = false, clipNorm }: SgdOptions): SgdSpec {
  requireAll("sgd", {
    momentum: momentum >= 0 && momentum < 1,
    nesterov: !nesterov || momentum > 0,
    clipNorm: isClipNorm(clipNorm),
  });
  return { name: "sgd", schedule: toSchedule(learningRate), momentum, nesterov, clipNorm: clipNorm ?? null };
}

/**
 * Adam (Kingma & Ba 2015, arXiv 1412.6980), epsilon outside the root as in TensorFlow.js and Keras. State: `<variable>/m` and
 * `<variable>/v`, float32 in the variable's shape.
 *
 * @throws AnnealError RECIPE_INVALID for a negative learning rate, a `beta1` or `beta2` outside of 0 <= b < 1, an `epsilon` or
 *   `clipNorm` that is not positive
 */
export function adam(options: AdamOptions): AdamSpec {
  return { ...adamCommon("adam", options), name: "adam", weightDecay: 0, decays: () => false };
}

/**
 * Adam with decoupled weight decay (Loshchilov & Hutter 2019, arXiv 1711.05101): `w -= lr (update + decay w)`.
 *
 * @throws AnnealError RECIPE_INVALID as `adam`, or for a negative `weightDecay`
 */
export function adamW({ weightDecay = 0.01, decays, ...options }: AdamWOptions): AdamSpec {
  requireAll("adamW", { weightDecay: weightDecay >= 0 });
  const common = adamCommon("adamW", options);
  return { ...common, name: "adamW", weightDecay, decays: decays ?? ((_name, shape) => shape.length >= 2) };
}

function adamCommon(
  what: string,
  { learningRate, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-7, clipNorm }: AdamOptions,
): Omit<AdamSpec, "name" | "weightDecay" | "decays"> {
  requireAll(what, {
    beta1: beta1 >= 0 && beta1 < 1,
    beta2: beta2 >= 0 && beta2 < 1,
    epsilon: epsilon > 0,
    clipNorm: isClipNorm(clipNorm),
  });
  return { schedule: toSchedule(learningRate), beta1, beta2, epsilon, clipNorm: clipNorm ?? null };
}

function isClipNorm(clipNorm: number | undefined): boolean {
  return clipNorm === undefined || clipNorm > 0;
}
