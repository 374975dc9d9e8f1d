import type { OnnxCall } from "../onnx-call.ts";
import { onnxFloat, onnxInt } from "../onnx-graph.ts";
import { alike, type OnnxResult, type OnnxRow, type OnnxRows, renamed } from "../row.ts";

/** One input, in whatever order it is there. */
function unary(compute: (call: OnnxCall, x: string) => string): OnnxRow {
  return (call) => {
    const order = call.orderOf(0);
    return { name: compute(call, call.inputIn(0, order)), order };
  };
}

/** Inputs that are broadcast to each other, in an order that suits them. */
function broadcast(compute: (call: OnnxCall, names: readonly string[]) => string): OnnxRow {
  return (call) => {
    const { order, names } = call.broadcast(call.node.inputs.map((_, index) => index));
    return { name: compute(call, names), order };
  };
}

const plainUnary = (onnxOp: string): OnnxRow => unary((call, x) => call.emit(onnxOp, [x]));
const plainBinary = (onnxOp: string): OnnxRow => broadcast((call, names) => call.emit(onnxOp, names));

/** The input itself, under its name. */
const passed: OnnxRow = (call) => {
  const order = call.orderOf(0);
  return { name: call.inputIn(0, order), order };
};

/** Of a whole number nothing is left to round. */
function rounding(onnxOp: string): OnnxRow {
  return unary((call, x) => (call.dtype(0) === "float32" ? call.emit(onnxOp, [x]) : x));
}

/** Near zero, where `exp(x) - 1` loses its digits: `2 tanh(x/2) / (1 - tanh(x/2))`. */
function expm1(call: OnnxCall, x: string): string {
  const half = call.emit("Tanh", [call.emit("Mul", [x, call.scalar(0.5)])]);
  const nearZero = call.emit("Div", [call.emit("Add", [half, half]), call.emit("Sub", [call.scalar(1), half])]);
  const elsewhere = call.emit("Sub", [call.emit("Exp", [x]), call.scalar(1)]);
  const isNear = call.emit("Less", [call.emit("Abs", [x]), call.scalar(0.5)]);
  return call.emit("Where", [isNear, nearZero, elsewhere]);
}

/** Near zero `log(1 + x)` loses digits: `x log(u) / (u - 1)` with the `u` that `1 + x` was rounded to (Kahan). */
function log1p(call: OnnxCall, x: string): string {
  const one = call.scalar(1);
  const sum = call.emit("Add", [x, one]);
  const added = call.emit("Sub", [sum, one]);
  const corrected = call.emit("Div", [call.emit("Mul", [x, call.emit("Log", [sum])]), added]);
  return call.emit("Where", [call.emit("Equal", [added, call.scalar(0)]), x, corrected]);
}

function isFiniteNumber(call: OnnxCall, x: string): string {
  const isOdd = call.emit("Or", [call.emit("IsNaN", [x]), call.emit("IsInf", [x])]);
  return call.emit("Not", [isOdd]);
}

/** Angle of a point, from -pi to pi. */
function atan2(call: OnnxCall, [y, x]: readonly string[]): string {
  const zero = call.scalar(0);
  const angle = call.emit("Atan", [call.emit("Div", [y!, x!])]);
  const halfTurn = call.emit("Where", [call.emit("Less", [y!, zero]), call.scalar(-Math.PI), call.scalar(Math.PI)]);
  const isLeft = call.emit("Less", [x!, zero]);
  const turned = call.emit("Add", [angle, call.emit("Where", [isLeft, halfTurn, zero])]);
  const onAxis = call.emit("Mul", [call.emit("Sign", [y!]), call.scalar(Math.PI / 2)]);
  return call.emit("Where", [call.emit("Equal", [x!, zero]), onAxis, turned]);
}

/** What `compute` gives, and 0 wherever the input of this index is 0. */
function zeroWhereZero(index: number, compute: (call: OnnxCall, names: readonly string[]) => string): OnnxRow {
  return broadcast((call, names) => {
    const zero = call.scalar(0, call.dtype(0));
    return call.emit("Where", [call.emit("Equal", [names[index]!, zero]), zero, compute(call, names)]);
  });
}

/** Whether a remainder has another sign than the divisor, which ONNX's and C's division lets it have. */
function isBelow(call: OnnxCall, remainder: string, divisor: string): string {
  const zero = call.scalar(0, call.dtype(0));
  const differ = call.emit("Xor", [call.emit("Less", [remainder, zero]), call.emit("Less", [divisor, zero])]);
  return call.emit("And", [call.emit("Not", [call.emit("Equal", [remainder, zero])]), differ]);
}

function floorDiv(call: OnnxCall, [a, b]: readonly string[]): string {
  const dtype = call.dtype(0);
  const quotient = call.emit("Div", [a!, b!]);
  if (dtype === "float32") return call.emit("Floor", [quotient]);
  const remainder = call.emit("Sub", [a!, call.emit("Mul", [quotient, b!])]);
  const correction = call.cast(isBelow(call, remainder, b!), dtype);
  return call.emit("Sub", [quotient, correction]);
}

function floorMod(call: OnnxCall, [a, b]: readonly string[]): string {
  if (call.dtype(0) !== "float32") return call.emit("Mod", [a!, b!]);
  const remainder = call.emit("Mod", [a!, b!], { fmod: onnxInt(1) });
  return call.emit("Where", [isBelow(call, remainder, b!), call.emit("Add", [remainder, b!]), remainder]);
}

/** A condition of one value, of the branches' shape, or of one value for each place of their first axis. */
const select: OnnxRow = (call) => {
  const [condition, shape] = [call.dims(0), call.dims(1)];
  if (condition.length !== 1 || shape.length < 2) return plainBinary("Where")(call);
  const column = call.reshaped(call.input(0), [condition[0]!, ...shape.slice(1).map(() => 1)]);
  return call.emit("Where", [column, call.input(1), call.input(2)]);
};

/** ONNX's convolutions and products of matrices add a bias themselves. */
const biasAdd: OnnxRow = (call) => {
  const isChannelsFirst = call.attribute("data_format", "string", "NHWC").startsWith("NC");
  if (!isChannelsFirst) return biased(call) ?? plainBinary("Add")(call);
  const dims = call.dims(0).map((dim, axis) => (axis === 1 ? dim : 1));
  return call.emit("Add", [call.input(0), call.reshaped(call.input(1), dims)]);
};

function biased(call: OnnxCall): OnnxResult | null {
  const order = call.orderOf(0);
  const made = call.withFurther(0, ["Conv", "ConvTranspose", "MatMul"], order, () => [call.input(1)]);
  if (made === null) return null;
  // Of stacks of matrices there is no product with a bias.
  if (made.op === "MatMul" && call.rank(0) !== 2) return null;
  return { name: call.emit(made.op === "MatMul" ? "Gemm" : made.op, made.inputs, made.attributes), order };
}

const addN: OnnxRow = broadcast((call, [first, ...rest]) =>
  rest.reduce((sum, name) => call.emit("Add", [sum, name]), first!),
);

function filledLike(value: number): OnnxRow {
  return (call) => call.filled(call.scalar(value, call.outputDtype()), call.outputDims(0));
}

/** Whole numbers that ONNX has no such function of, as floats. */
function asFloats(row: (call: OnnxCall, names: readonly string[]) => string): OnnxRow {
  return broadcast((call, names) => {
    const dtype = call.dtype(0);
    if (dtype === "float32") return row(call, names);
    return call.cast(
      row(
        call,
        names.map((name) => call.cast(name, "float32")),
      ),
      dtype,
    );
  });
}

/** Ops that make each value of their output from the values at its place. */
export const elementwiseRows: OnnxRows = {
  ...renamed(
    {
      Abs: "Abs",
      Acos: "Acos",
      Acosh: "Acosh",
      Asin: "Asin",
      Asinh: "Asinh",
      Atan: "Atan",
      Atanh: "Atanh",
      Cos: "Cos",
      Cosh: "Cosh",
      Elu: "Elu",
      Erf: "Erf",
      Exp: "Exp",
      Inv: "Reciprocal",
      IsInf: "IsInf",
      IsNan: "IsNaN",
      Log: "Log",
      LogicalNot: "Not",
      Neg: "Neg",
      Reciprocal: "Reciprocal",
      Selu: "Selu",
      Sigmoid: "Sigmoid",
      Sign: "Sign",
      Sin: "Sin",
      Sinh: "Sinh",
      Softplus: "Softplus",
      Sqrt: "Sqrt",
      Tan: "Tan",
      Tanh: "Tanh",
    },
    plainUnary,
  ),
  ...renamed({ Ceil: "Ceil", Floor: "Floor", Round: "Round" }, rounding),
  ...renamed(
    {
      Add: "Add",
      AddV2: "Add",
      Equal: "Equal",
      Greater: "Greater",
      GreaterEqual: "GreaterOrEqual",
      Less: "Less",
      LessEqual: "LessOrEqual",
      LogicalAnd: "And",
      LogicalOr: "Or",
      Maximum: "Max",
      Minimum: "Min",
      Mul: "Mul",
      Sub: "Sub",
    },
    plainBinary,
  ),
  ...alike(["Bitcast", "DeepCopy", "Identity", "StopGradient"], passed),
  ...alike(["Div", "RealDiv"], plainBinary("Div")),
  AddN: addN,
  Atan2: broadcast(atan2),
  BiasAdd: biasAdd,
  Cast: (call) => castRow(call),
  DivNoNan: zeroWhereZero(1, (call, names) => call.emit("Div", names)),
  Expm1: unary(expm1),
  FloorDiv: broadcast(floorDiv),
  FloorMod: broadcast(floorMod),
  IsFinite: unary(isFiniteNumber),
  LeakyRelu: unary((call, x) =>
    call.emit("LeakyRelu", [x], { alpha: onnxFloat(call.attribute("alpha", "float", 0.2)) }),
  ),
  Log1p: unary(log1p),
  NotEqual: broadcast((call, names) => call.emit("Not", [call.emit("Equal", names)])),
  OnesLike: filledLike(1),
  Pow: asFloats((call, names) => call.emit("Pow", names)),
  Relu: unary((call, x) => call.emit("Relu", [x])),
  Relu6: unary((call, x) => {
    const dtype = call.dtype(0);
    return call.emit("Clip", [x, call.scalar(0, dtype), call.scalar(6, dtype)]);
  }),
  Rsqrt: unary((call, x) => call.emit("Reciprocal", [call.emit("Sqrt", [x])])),
  Select: select,
  SelectV2: plainBinary("Where"),
  Square: unary((call, x) => call.emit("Mul", [x, x])),
  SquaredDifference: broadcast((call, names) => {
    const difference = call.emit("Sub", names);
    return call.emit("Mul", [difference, difference]);
  }),
  Xdivy: zeroWhereZero(0, (call, names) => call.emit("Div", names)),
  Xlogy: zeroWhereZero(0, (call, [x, y]) => call.emit("Mul", [x!, call.emit("Log", [y!])])),
  ZerosLike: filledLike(0),
};

function castRow(call: OnnxCall): OnnxResult {
  const order = call.orderOf(0);
  const name = call.inputIn(0, order);
  const [from, to] = [call.dtype(0), call.outputDtype()];
  return { name: from === to ? name : call.cast(name, to), order };
}
