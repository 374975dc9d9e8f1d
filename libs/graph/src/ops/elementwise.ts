import {
  attributeOr,
  axisOf,
  broadcastShapes,
  commonDtype,
  expectShape,
  infer16,
  type OpFamily,
  type OpRow,
  rows,
  viewOfFirst,
} from "./row.ts";

const unary: OpRow = { kind: "elementwise", inPlace: [0], infer: (call) => [call.input(0)] };
const toBool: OpRow = {
  kind: "elementwise",
  infer: (call) => [{ dtype: "bool", shape: call.input(0).shape }],
};

const binary: OpRow = {
  kind: "elementwise",
  inPlace: [0, 1],
  broadcasts: true,
  infer: (call) => [
    { dtype: commonDtype(call, [0, 1]), shape: broadcastShapes(call, call.input(0).shape, call.input(1).shape) },
  ],
};
const comparison: OpRow = {
  kind: "elementwise",
  inPlace: [0, 1],
  broadcasts: true,
  infer: (call) => [{ dtype: "bool", shape: binary.infer(call)[0]!.shape }],
};

/** All inputs of one shape and dtype. */
const uniform: OpRow = {
  kind: "elementwise",
  inPlace: "all",
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
  inPlace: [0, 1],
  infer: (call) => {
    expectShape(call, 1, call.input(0).shape);
    return [{ dtype: commonDtype(call, [0, 1]), shape: call.input(0).shape }];
  },
};

/** Ops that make each value of their output from the values at its place. */
export const elementwiseOps: OpFamily = {
  ...rows(
    [
      "Acos",
      "Acosh",
      "Asin",
      "Asinh",
      "Atan",
      "Atanh",
      "Ceil",
      "Cos",
      "Cosh",
      "Exp",
      "Expm1",
      "Floor",
      "Inv",
      "Log",
      "Log1p",
      "LogicalNot",
      "Reciprocal",
      "Round",
      "Rsqrt",
      "Sin",
      "Sinh",
      "Sqrt",
      "Tan",
    ],
    unary,
  ),
  ...rows(
    [
      "Abs",
      "Elu",
      "Erf",
      "LeakyRelu",
      "Neg",
      "OnesLike",
      "Relu",
      "Relu6",
      "Selu",
      "Sigmoid",
      "Sign",
      "Softplus",
      "Square",
      "Tanh",
      "ZerosLike",
    ],
    { ...unary, ...infer16 },
  ),
  ...rows(["Identity", "StopGradient"], {
    ...infer16,
    kind: "elementwise",
    viewOf: viewOfFirst,
    infer: (call) => [call.input(0)],
  }),
  // To its own dtype alone.
  Bitcast: {
    kind: "elementwise",
    viewOf: viewOfFirst,
    infer: (call) => [call.type("type") === call.input(0).dtype ? call.input(0) : call.fail("changes the dtype")],
  },
  // Always in memory of its own, unlike Identity.
  DeepCopy: { kind: "elementwise", stateful: true, infer: (call) => [call.input(0)] },
  ...rows(["IsFinite", "IsInf", "IsNan"], toBool),
  ...rows(["Add", "AddV2", "Mul", "SquaredDifference"], { ...binary, ...infer16, commutative: true }),
  // Which of 0 and -0 Maximum and Minimum give depends on the order.
  ...rows(["Atan2", "Div", "DivNoNan", "FloorDiv", "FloorMod", "Pow", "Xdivy", "Xlogy"], binary),
  ...rows(["Maximum", "Minimum", "RealDiv", "Sub"], { ...binary, ...infer16 }),
  ...rows(["Equal", "NotEqual"], { ...comparison, ...infer16, commutative: true }),
  ...rows(["Greater", "GreaterEqual", "Less", "LessEqual"], { ...comparison, ...infer16 }),
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
    { ...activationGradient, ...infer16 },
  ),
  AddN: { ...uniform, precision: { class: "infer", maxInputs: 4 } },
  BiasAdd: {
    ...infer16,
    kind: "elementwise",
    inPlace: [0],
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
    viewOf: (call) => (call.input(0).dtype === call.type("DstT") ? 0 : null),
    infer: (call) => [{ dtype: call.type("DstT"), shape: call.input(0).shape }],
  },
  // Does not broadcast its branches; the condition may be a scalar, or a vector along their first axis.
  Select: {
    ...infer16,
    kind: "elementwise",
    inPlace: [1, 2],
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
    ...infer16,
    kind: "elementwise",
    inPlace: [1, 2],
    broadcasts: true,
    infer: (call) => {
      const branches = broadcastShapes(call, call.input(1).shape, call.input(2).shape);
      return [{ dtype: commonDtype(call, [1, 2]), shape: broadcastShapes(call, call.input(0).shape, branches) }];
    },
  },
};
