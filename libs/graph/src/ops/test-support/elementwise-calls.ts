import fc from "fast-check";
import { attribute } from "../../attributes.ts";
import type { Dtype } from "../../types.ts";
import {
  alike,
  anyDtype,
  attributes,
  boolean,
  broadcastable,
  type CallFamily,
  float,
  number,
  optional,
  shapeOf,
} from "./arbitraries.ts";
import { tensor } from "./call.ts";

const shapes = shapeOf(0, 4, fc.integer({ min: 0, max: 3 }));

/** One input. */
function unary(dtypes: fc.Arbitrary<Dtype>) {
  return fc.tuple(shapes, dtypes).map(([shape, dtype]) => ({ inputs: [tensor(shape, dtype)] }));
}

/** Two inputs that are broadcast. */
function binary(dtypes: fc.Arbitrary<Dtype>) {
  return fc
    .tuple(broadcastable(2), dtypes)
    .map(([both, dtype]) => ({ inputs: both.map((shape) => tensor(shape, dtype)) }));
}

const activationGradient = fc
  .tuple(shapes, float)
  .map(([shape, dtype]) => ({ inputs: [tensor(shape, dtype), tensor(shape, dtype)] }));

const bool = fc.constant<Dtype>("bool");
const float32 = fc.constant<Dtype>("float32");

export const elementwiseCalls: CallFamily = {
  ...alike(
    // biome-ignore format: one list
    ["Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "Ceil", "Cos", "Cosh", "Elu", "Erf", "Exp", "Expm1", "Floor", "Inv",
     "IsFinite", "IsInf", "IsNan", "LeakyRelu", "Log", "Log1p", "Reciprocal", "Rsqrt", "Selu", "Sigmoid", "Sin", "Sinh",
     "Softplus", "Sqrt", "Tan", "Tanh"],
    unary(float),
  ),
  ...alike(["Abs", "Neg", "Relu", "Relu6", "Round", "Sign", "Square"], unary(number)),
  ...alike(["DeepCopy", "Identity", "OnesLike", "StopGradient", "ZerosLike"], unary(anyDtype)),
  LogicalNot: alike(["LogicalNot"], unary(bool)).LogicalNot!,
  ...alike(["Add", "AddV2", "Maximum", "Minimum", "Mul", "Pow", "SquaredDifference", "Sub"], binary(number)),
  ...alike(["Atan2", "Div", "DivNoNan", "FloorDiv", "FloorMod", "RealDiv", "Xdivy", "Xlogy"], binary(float32)),
  ...alike(["Equal", "NotEqual", "Greater", "GreaterEqual", "Less", "LessEqual"], binary(number)),
  ...alike(["LogicalAnd", "LogicalOr"], binary(bool)),
  ...alike(
    // biome-ignore format: one list
    ["EluGrad", "LeakyReluGrad", "Relu6Grad", "ReluGrad", "RsqrtGrad", "SeluGrad", "SigmoidGrad", "SoftplusGrad", "SqrtGrad",
     "TanhGrad"],
    activationGradient,
  ),
  ...alike(
    ["AddN"],
    fc.tuple(shapes, number, fc.integer({ min: 1, max: 4 })).map(([shape, dtype, numInputs]) => ({
      inputs: Array.from({ length: numInputs }, () => tensor(shape, dtype)),
      attributes: { N: attribute.int(numInputs), T: attribute.type(dtype) },
    })),
  ),
  ...alike(
    ["BiasAdd"],
    fc.tuple(shapeOf(2, 5), float, boolean).map(([shape, dtype, isDefault]) => ({
      inputs: [tensor(shape, dtype), tensor(shape.slice(-1), dtype)],
      attributes: optional(attributes({ data_format: "NHWC" }), isDefault),
    })),
  ),
  ...alike(
    ["Cast"],
    fc.tuple(shapes, anyDtype, anyDtype).map(([shape, from, to]) => ({
      inputs: [tensor(shape, from)],
      attributes: { SrcT: attribute.type(from), DstT: attribute.type(to) },
    })),
  ),
  ...alike(
    ["Bitcast"],
    fc.tuple(shapes, number).map(([shape, dtype]) => ({
      inputs: [tensor(shape, dtype)],
      attributes: { type: attribute.type(dtype) },
    })),
  ),
  ...alike(
    ["Select"],
    fc.tuple(shapes, number, fc.constantFrom("scalar", "rows", "all")).map(([shape, dtype, kind]) => {
      const condition = kind === "scalar" ? [] : kind === "rows" ? shape.slice(0, 1) : shape;
      return { inputs: [tensor(condition, "bool"), tensor(shape, dtype), tensor(shape, dtype)] };
    }),
  ),
  ...alike(
    ["SelectV2"],
    fc.tuple(broadcastable(3), number).map(([[condition, yes, no], dtype]) => ({
      inputs: [tensor(condition!, "bool"), tensor(yes!, dtype), tensor(no!, dtype)],
    })),
  ),
};
