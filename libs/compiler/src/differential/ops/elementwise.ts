import * as tf from "@tensorflow/tfjs";
import { float, int } from "../inputs.ts";
import { differentiable, forwardOnly, type OpCases, unary } from "./case.ts";

const positive = { from: 0.2, to: 3 };
const pair = [float([2, 3]), float([2, 3])];
const broadcast = [float([2, 1, 3], positive), float([4, 1], positive)];
const positivePair = [float([2, 3], positive), float([2, 3], positive)];

type Binary = (a: tf.Tensor, b: tf.Tensor) => tf.Tensor;

/**
 * Functions of two tensors: of one shape, broadcast, and with a number in place of the second.
 *
 * @param broadcasts how a case that broadcasts is made: gradients of a few functions have the wrong shape there
 */
function binary(functions: Readonly<Record<string, Binary>>, broadcasts = differentiable): OpCases {
  return Object.fromEntries(
    Object.entries(functions).map(([name, run]) => [
      name,
      [
        differentiable(positivePair, run),
        broadcasts(broadcast, run),
        differentiable([float([2, 3], positive)], (x: tf.Tensor) => run(x, tf.scalar(1.5))),
      ],
    ]),
  );
}

function comparison(functions: Readonly<Record<string, Binary>>): OpCases {
  return Object.fromEntries(
    Object.entries(functions).map(([name, run]) => [
      name,
      [
        forwardOnly(pair, run),
        forwardOnly(broadcast, run),
        forwardOnly([int([8], 3), int([8], 3)], run),
        // Of a value with itself: equal everywhere.
        forwardOnly([float([2, 3])], (x: tf.Tensor) => run(x, x)),
      ],
    ]),
  );
}

function logical(functions: Readonly<Record<string, Binary>>): OpCases {
  return Object.fromEntries(
    Object.entries(functions).map(([name, run]) => [
      name,
      [forwardOnly(pair, (a: tf.Tensor, b: tf.Tensor) => run(a.greater(0), b.greater(0)))],
    ]),
  );
}

/** Functions of each value alone. */
export const elementwiseCases: OpCases = {
  ...unary({
    abs: tf.abs,
    asinh: tf.asinh,
    atan: tf.atan,
    ceil: tf.ceil,
    clone: tf.clone,
    cos: tf.cos,
    cosh: tf.cosh,
    elu: tf.elu,
    erf: tf.erf,
    exp: tf.exp,
    expm1: tf.expm1,
    floor: tf.floor,
    isFinite: tf.isFinite,
    isInf: tf.isInf,
    isNaN: tf.isNaN,
    leakyRelu: tf.leakyRelu,
    logSigmoid: tf.logSigmoid,
    neg: tf.neg,
    onesLike: tf.onesLike,
    relu: tf.relu,
    round: tf.round,
    selu: tf.selu,
    sigmoid: tf.sigmoid,
    sign: tf.sign,
    sin: tf.sin,
    sinh: tf.sinh,
    softplus: tf.softplus,
    square: tf.square,
    tan: tf.tan,
    tanh: tf.tanh,
    zerosLike: tf.zerosLike,
  }),
  ...unary({ acos: tf.acos, asin: tf.asin, atanh: tf.atanh, log1p: tf.log1p }, { from: -0.9, to: 0.9 }),
  ...unary({ log: tf.log, reciprocal: tf.reciprocal, rsqrt: tf.rsqrt, sqrt: tf.sqrt }, positive),
  ...unary({ acosh: tf.acosh }, { from: 1.1, to: 3 }),
  ...unary({ relu6: tf.relu6 }, { from: -2, to: 8 }),
  step: [
    differentiable([float([2, 3])], (x: tf.Tensor) => tf.step(x)),
    differentiable([float([2, 3])], (x: tf.Tensor) => tf.step(x, 0.3)),
  ],
  clipByValue: [differentiable([float([2, 3])], (x: tf.Tensor) => tf.clipByValue(x, -0.5, 0.4))],
  prelu: [
    differentiable(pair, tf.prelu),
    differentiable([float([2, 3]), float([3])], tf.prelu),
    differentiable([float([2, 2, 2, 3]), float([1, 1, 3])], tf.prelu),
  ],
  cast: [
    differentiable([float([2, 3])], (x: tf.Tensor) => x.mul(3).cast("int32")),
    differentiable([float([2, 3])], (x: tf.Tensor) => tf.cast(x, "bool")),
    forwardOnly([int([4], 9)], (x: tf.Tensor) => [tf.cast(x, "float32"), tf.cast(x, "bool"), tf.cast(x, "int32")]),
  ],
  ensureShape: [differentiable([float([2, 3])], (x: tf.Tensor) => tf.ensureShape(x, [2, 3] as never))],
  ...binary({
    add: tf.add,
    atan2: tf.atan2,
    div: tf.div,
    floorDiv: tf.floorDiv,
    mod: tf.mod,
    mul: tf.mul,
    pow: tf.pow,
    sub: tf.sub,
  }),
  ...binary({ maximum: tf.maximum, minimum: tf.minimum, squaredDifference: tf.squaredDifference }, forwardOnly),
  divNoNan: [
    forwardOnly(positivePair, tf.divNoNan),
    forwardOnly(pair, (a: tf.Tensor, b: tf.Tensor) => tf.divNoNan(a, b.relu())),
  ],
  addN: [
    differentiable([float([2, 3]), float([2, 3]), float([2, 3])], (...all: tf.Tensor[]) => tf.addN(all)),
    differentiable([float([2, 3])], (x: tf.Tensor) => tf.addN([x])),
  ],
  ...comparison({
    equal: tf.equal,
    greater: tf.greater,
    less: tf.less,
    lessEqual: tf.lessEqual,
    notEqual: tf.notEqual,
  }),
  // The one comparison that has a gradient: zeros.
  greaterEqual: [differentiable(pair, tf.greaterEqual), differentiable(broadcast, tf.greaterEqual)],
  ...logical({ logicalAnd: tf.logicalAnd, logicalOr: tf.logicalOr, logicalXor: tf.logicalXor }),
  logicalNot: [forwardOnly([float([2, 3])], (x: tf.Tensor) => tf.logicalNot(x.greater(0)))],
  where: [
    differentiable([int([2, 3], 2), ...pair], (c: tf.Tensor, a: tf.Tensor, b: tf.Tensor) => tf.where(c.toBool(), a, b)),
    differentiable([int([2, 1], 2), float([2, 3]), float([3])], (c: tf.Tensor, a: tf.Tensor, b: tf.Tensor) =>
      tf.where(c.toBool(), a, b),
    ),
  ],
  customGrad: [
    differentiable([float([2, 3])], (x: tf.Tensor) =>
      tf.customGrad((value, save) => {
        const given = value as tf.Tensor;
        (save as tf.GradSaveFunc)([given]);
        return { value: given.exp(), gradFunc: (dy, saved) => dy.mul((saved as tf.Tensor[])[0]!) };
      })(x),
    ),
  ],
};
