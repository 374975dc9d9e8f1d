import { table } from "../flatbuffer.ts";
import { alike, renamed, type TfliteRow, type TfliteRows } from "../row.ts";
import type { TfliteCall } from "../tflite-call.ts";
import type { TfliteDtype, TfliteOpName, TfliteTensor } from "../tflite-graph.ts";
import { functionRows } from "./functions.ts";

/** Kernels that broadcast take so many axes at most. */
const mostAxes = 4;

/** What kernels of arithmetic compute with; other whole numbers pass through int32. */
const arithmetic: readonly TfliteDtype[] = ["float32", "int32"];

/** Inputs in a dtype that kernels have, and the result in its own. */
function inKernelDtype(
  kernels: readonly TfliteDtype[],
  compute: (call: TfliteCall, inputs: readonly TfliteTensor[]) => TfliteTensor,
): TfliteRow {
  return (call) => {
    const inputs = call.inputs();
    call.requireRank(mostAxes, ...inputs);
    const dtype = inputs[0]!.dtype;
    if (kernels.includes(dtype)) return compute(call, inputs);
    const found = compute(
      call,
      inputs.map((input) => call.cast(input, "int32")),
    );
    return found.dtype === "int32" ? call.cast(found, dtype) : found;
  };
}

/** An op of one input, which has a kernel for float32; whole numbers stay what they are. */
function rounding(op: TfliteOpName): TfliteRow {
  return (call) => {
    const input = call.input(0);
    return input.dtype === "float32" ? call.emit(op, [input]) : input;
  };
}

const plainUnary =
  (op: TfliteOpName): TfliteRow =>
  (call) =>
    call.emit(op, [call.input(0)]);
const signed = (op: TfliteOpName): TfliteRow => inKernelDtype(arithmetic, (call, inputs) => call.emit(op, inputs));
const comparison = (op: TfliteOpName, kernels: readonly TfliteDtype[] = arithmetic): TfliteRow =>
  inKernelDtype(kernels, (call, inputs) => call.emit(op, inputs, { dtype: "bool" }));
const logical = (op: TfliteOpName): TfliteRow => inKernelDtype(["bool"], (call, inputs) => call.emit(op, inputs));

/** The input itself. */
const passed: TfliteRow = (call) => call.input(0);

const division = signed("DIV");

/** What `compute` gives, and 0 wherever the input of this index is 0. */
function zeroWhereZero(
  index: number,
  compute: (call: TfliteCall, inputs: readonly TfliteTensor[]) => TfliteTensor,
): TfliteRow {
  return inKernelDtype(arithmetic, (call, inputs) => {
    const zero = call.scalar(0, inputs[0]!.dtype);
    const isZero = call.emit("EQUAL", [inputs[index]!, zero], { dtype: "bool" });
    return selected(call, isZero, zero, compute(call, inputs));
  });
}

export function selected(call: TfliteCall, condition: TfliteTensor, yes: TfliteTensor, no: TfliteTensor): TfliteTensor {
  return call.emit("SELECT_V2", [condition, yes, no], { dtype: no.dtype });
}

/** A condition of one value, of the branches' shape, or of one value for each place of their first axis. */
const select: TfliteRow = (call) => {
  const [condition, yes, no] = call.inputs() as [TfliteTensor, TfliteTensor, TfliteTensor];
  call.requireRank(mostAxes, condition, yes, no);
  const isColumn = call.node.op === "Select" && condition.dims.length === 1 && yes.dims.length > 1;
  if (!isColumn) return selected(call, condition, yes, no);
  const column = call.reshaped(condition, [condition.dims[0]!, ...yes.dims.slice(1).map(() => 1)]);
  return selected(call, column, yes, no);
};

/** Ops that add a bias themselves, and which of their inputs it is: zeros or nothing until now. */
const biasPlaces: Partial<Record<TfliteOpName, number>> = {
  CONV_2D: 2,
  CONV_3D: 2,
  DEPTHWISE_CONV_2D: 2,
  FULLY_CONNECTED: 2,
  TRANSPOSE_CONV: 3,
};
const biasedOps = Object.keys(biasPlaces) as TfliteOpName[];

const biasAdd: TfliteRow = (call) => {
  const [input, bias] = call.inputs() as [TfliteTensor, TfliteTensor];
  if (call.attribute("data_format", "string", "NHWC").startsWith("NC")) {
    call.requireRank(mostAxes, input);
    return call.emit("ADD", [
      input,
      call.reshaped(
        bias,
        input.dims.map((dim, axis) => (axis === 1 ? dim : 1)),
      ),
    ]);
  }
  const made = call.onlyProducer(0, biasedOps);
  if (made !== null && bias.read !== null) {
    const inputs = [...made.inputs.slice(0, biasPlaces[made.op]), bias];
    const { dims, dtype } = input;
    return call.emit(made.op, inputs, { dims, dtype, ...(made.options ? { options: made.options } : {}) });
  }
  call.requireRank(mostAxes, input);
  return call.emit("ADD", [input, bias]);
};

const addN = inKernelDtype(arithmetic, (call, [first, ...rest]) =>
  rest.reduce((sum, input) => call.emit("ADD", [sum, input]), first!),
);

function filledLike(value: number): TfliteRow {
  return (call) => call.filled(call.scalar(value, call.outputDtype()), call.outputDims());
}

/** Ops that make each value of their output from the values at its place. */
export const elementwiseRows: TfliteRows = {
  ...functionRows,
  ...renamed(
    {
      Abs: "ABS",
      Add: "ADD",
      AddV2: "ADD",
      FloorDiv: "FLOOR_DIV",
      FloorMod: "FLOOR_MOD",
      Maximum: "MAXIMUM",
      Minimum: "MINIMUM",
      Mul: "MUL",
      Neg: "NEG",
      Pow: "POW",
      Sign: "SIGN",
      SquaredDifference: "SQUARED_DIFFERENCE",
      Sub: "SUB",
    } as const,
    signed,
  ),
  ...renamed(
    {
      Greater: "GREATER",
      GreaterEqual: "GREATER_EQUAL",
      Less: "LESS",
      LessEqual: "LESS_EQUAL",
    } as const,
    (op) => comparison(op),
  ),
  ...renamed({ Equal: "EQUAL", NotEqual: "NOT_EQUAL" } as const, (op) => comparison(op, [...arithmetic, "bool"])),
  ...renamed({ LogicalAnd: "LOGICAL_AND", LogicalOr: "LOGICAL_OR" } as const, logical),
  ...renamed({ Ceil: "CEIL", Floor: "FLOOR", Round: "ROUND" } as const, rounding),
  ...renamed(
    {
      Cos: "COS",
      Elu: "ELU",
      Exp: "EXP",
      Log: "LOG",
      LogicalNot: "LOGICAL_NOT",
      Rsqrt: "RSQRT",
      Sigmoid: "LOGISTIC",
      Sin: "SIN",
      Sqrt: "SQRT",
      Tanh: "TANH",
    } as const,
    plainUnary,
  ),
  ...alike(["Bitcast", "DeepCopy", "Identity", "StopGradient"], passed),
  ...alike(["Div", "RealDiv"], division),
  ...alike(["Select", "SelectV2"], select),
  AddN: addN,
  BiasAdd: biasAdd,
  Cast: (call) => call.cast(call.input(0), call.outputDtype()),
  DivNoNan: zeroWhereZero(1, (call, inputs) => call.emit("DIV", inputs)),
  LeakyRelu: (call) => {
    const options = table("LeakyReluOptions", { alpha: call.attribute("alpha", "float", 0.2) });
    return call.emit("LEAKY_RELU", [call.input(0)], { options });
  },
  OnesLike: filledLike(1),
  Relu: (call) => {
    const input = call.input(0);
    if (input.dtype === "float32") return call.emit("RELU", [input]);
    return call.emit("MAXIMUM", [input, call.scalar(0, input.dtype)]);
  },
  Relu6: (call) => {
    const input = call.input(0);
    if (input.dtype === "float32") return call.emit("RELU6", [input]);
    const [least, most] = [call.scalar(0, input.dtype), call.scalar(6, input.dtype)];
    return call.emit("MINIMUM", [call.emit("MAXIMUM", [input, least]), most]);
  },
  Square: inKernelDtype(arithmetic, (call, [x]) => call.emit("MUL", [x!, x!])),
  Xdivy: zeroWhereZero(0, (call, inputs) => call.emit("DIV", inputs)),
  Xlogy: zeroWhereZero(0, (call, [x, y]) => call.emit("MUL", [x!, call.emit("LOG", [y!])])),
  ZerosLike: filledLike(0),
};
