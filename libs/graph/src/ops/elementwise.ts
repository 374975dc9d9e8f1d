import {
  attributeOr,
  axisOf,
  broadcastShapes,
  commonDtype,
  expectShape,
  type OpFamily,
  type OpRow,
  rows,
} from "./row.ts";

const unary: OpRow = { kind: "elementwise", infer: (call) => [call.input(0)] };
const toBool: OpRow = {
  kind: "elementwise",
  infer: (call) => [{ dtype: "bool", shape: call.input(0).shape }],
};

const binary: OpRow = {
  kind: "elementwise",
  broadcasts: true,
  infer: (call) => [
    { dtype: commonDtype(call, [0, 1]), shape: broadcastShapes(call, call.input(0).shape, call.input(1).shape) },
  ],
};
const comparison: OpRow = {
  kind: "elementwise",
  broadcasts: true,
  infer: (call) => [{ dtype: "bool", shape: binary.infer(call)[0]!.shape }],
};

/** All inputs of one shape and dtype. */
const uniform: OpRow = {
  kind: "elementwise",
  infer: (call) => {
    const indices = call.types.map((_, index) => index);
    const { shape } = call.input(0);
    for (const index of indices) expectShape(call, index, shape);
    return [{ dtype: commonDtype(call, indices), shape }];
  },
};
/** The gradient, and the activation's input or output. */
const activationGradient: OpRow = {
  kind: "elementwise",
  infer: (call) => {
    expectShape(call, 1, call.input(0).shape);
    return [{ dtype: commonDtype(call, [0, 1]), shape: call.input(0).shape }];
  },
};

/** Ops that make each value of their output from the values at its place. */
export const elementwiseOps: OpFamily = {
  ...rows(
    [
      "Abs",
      "Acos",
      "Acosh",
      "Asin",
      "Asinh",
      "Atan",
      "Atanh",
      "Ceil",
      "Cos",
      "Cosh",
      "Elu",
      "Erf",
      "Exp",
      "Expm1",
      "Floor",
      "Identity",
      "Inv",
      "LeakyRelu",
      "Log",
      "Log1p",
      "LogicalNot",
      "Neg",
      "OnesLike",
      "Reciprocal",
      "Relu",
      "Relu6",
      "Round",
      "Rsqrt",
      "Selu",
      "Sigmoid",
      "Sign",
      "Sin",
      "Sinh",
      "Softplus",
      "Sqrt",
      "Square",
      "StopGradient",
      "Tan",
      "Tanh",
      "ZerosLike",
    ],
    unary,
  ),
  // Always in memory of its own, unlike Identity.
  DeepCopy: { ...unary, stateful: true },
  ...rows(["IsFinite", "IsInf", "IsNan"], toBool),
  ...rows(["Add", "AddV2", "Mul", "SquaredDifference"], { ...binary, commutative: true }),
  // Which of 0 and -0 Maximum and Minimum give depends on the order.
  ...rows(
    [
      "Atan2",
      "Div",
      "DivNoNan",
      "FloorDiv",
      "FloorMod",
      "Maximum",
      "Minimum",
      "Pow",
      "RealDiv",
      "Sub",
      "Xdivy",
      "Xlogy",
    ],
    binary,
  ),
  ...rows(["Equal", "NotEqual"], { ...comparison, commutative: true }),
  ...rows(["Greater", "GreaterEqual", "Less", "LessEqual"], comparison),
  ...rows(["LogicalAnd", "LogicalOr"], { ...comparison, commutative: true }),
  ...rows(
    [
      "EluGrad",
      "LeakyReluGrad",
      "Relu6Grad",
      "ReluGrad",
      "RsqrtGrad",
      "SeluGrad",
      "SigmoidGrad",
      "SoftplusGrad",
      "SqrtGrad",
      "TanhGrad",
    ],
    activationGradient,
  ),
  AddN: uniform,
  BiasAdd: {
    kind: "elementwise",
    infer: (call) => {
      const { shape } = call.input(0);
      if (shape.length < 2) call.fail("needs at least 2 dimensions");
      const isChannelsFirst = attributeOr(call, "data_format", "string", "NHWC").startsWith("NC");
      expectShape(call, 1, [shape[axisOf(call, isChannelsFirst ? 1 : -1, shape.length)]!]);
      return [{ dtype: commonDtype(call, [0, 1]), shape }];
    },
  },
  Cast: {
    kind: "elementwise",
    infer: (call) => [{ dtype: call.type("DstT"), shape: call.input(0).shape }],
  },
  // Does not broadcast its branches; the condition may be a scalar, or a vector along their first axis.
  Select: {
    kind: "elementwise",
    infer: (call) => {
      const { shape } = call.input(1);
      const condition = call.input(0).shape;
      expectShape(call, 2, shape);
      if (condition.length === 1 && shape.length > 0) expectShape(call, 0, [shape[0]!]);
      else if (condition.length > 0) expectShape(call, 0, shape);
      return [{ dtype: commonDtype(call, [1, 2]), shape }];
    },
  },
  SelectV2: {
    kind: "elementwise",
    broadcasts: true,
    infer: (call) => {
      const branches = broadcastShapes(call, call.input(1).shape, call.input(2).shape);
      return [{ dtype: commonDtype(call, [1, 2]), shape: broadcastShapes(call, call.input(0).shape, branches) }];
    },
  },
};
