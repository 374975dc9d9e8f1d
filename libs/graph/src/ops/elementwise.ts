import { broadcastShapes, type OpFamily, type OpRow, rows } from "./row.ts";

const unary: OpRow = { kind: "elementwise", infer: (call) => [call.input(0)] };
const toBool: OpRow = {
  kind: "elementwise",
  infer: (call) => [{ dtype: "bool", shape: call.input(0).shape }],
};

const binary: OpRow = {
  kind: "elementwise",
  infer: (call) => [
    { dtype: call.input(0).dtype, shape: broadcastShapes(call, call.input(0).shape, call.input(1).shape) },
  ],
};
const comparison: OpRow = {
  kind: "elementwise",
  infer: (call) => [{ dtype: "bool", shape: broadcastShapes(call, call.input(0).shape, call.input(1).shape) }],
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
  ...rows(["IsFinite", "IsInf", "IsNan"], toBool),
  ...rows(["Add", "AddV2", "Maximum", "Minimum", "Mul", "SquaredDifference"], { ...binary, commutative: true }),
  ...rows(["Atan2", "Div", "DivNoNan", "FloorDiv", "FloorMod", "Pow", "RealDiv", "Sub", "Xdivy", "Xlogy"], binary),
  ...rows(["Equal", "NotEqual"], { ...comparison, commutative: true }),
  ...rows(["Greater", "GreaterEqual", "Less", "LessEqual"], comparison),
  ...rows(["LogicalAnd", "LogicalOr"], { ...comparison, commutative: true }),
  // Gradients of activations: the gradient and the activation's input or output, of one shape.
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
    unary,
  ),
  AddN: unary,
  Cast: {
    kind: "elementwise",
    infer: (call) => [{ dtype: call.type("DstT"), shape: call.input(0).shape }],
  },
  // Select takes its shape from its branches: the condition may be a scalar, or a vector along their first axis.
  Select: { kind: "elementwise", infer: (call) => [call.input(1)] },
  SelectV2: {
    kind: "elementwise",
    infer: (call) => [
      {
        dtype: call.input(1).dtype,
        shape: broadcastShapes(
          call,
          call.input(0).shape,
          broadcastShapes(call, call.input(1).shape, call.input(2).shape),
        ),
      },
    ],
  },
};
