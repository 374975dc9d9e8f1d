import type { TfliteRow, TfliteRows } from "../row.ts";
import type { TfliteCall } from "../tflite-call.ts";
import type { TfliteTensor } from "../tflite-graph.ts";

/** Functions of a number that the format has no op for, by those that it has. */

/** What formulas are written with. */
class Formula {
  readonly #call: TfliteCall;

  constructor(call: TfliteCall) {
    this.#call = call;
  }

  number(value: number): TfliteTensor {
    return this.#call.scalar(value);
  }

  add = (a: TfliteTensor, b: TfliteTensor) => this.#call.emit("ADD", [a, b]);
  sub = (a: TfliteTensor, b: TfliteTensor) => this.#call.emit("SUB", [a, b]);
  mul = (a: TfliteTensor, b: TfliteTensor) => this.#call.emit("MUL", [a, b]);
  div = (a: TfliteTensor, b: TfliteTensor) => this.#call.emit("DIV", [a, b]);
  max = (a: TfliteTensor, b: TfliteTensor) => this.#call.emit("MAXIMUM", [a, b]);
  min = (a: TfliteTensor, b: TfliteTensor) => this.#call.emit("MINIMUM", [a, b]);
  abs = (x: TfliteTensor) => this.#call.emit("ABS", [x]);
  exp = (x: TfliteTensor) => this.#call.emit("EXP", [x]);
  log = (x: TfliteTensor) => this.#call.emit("LOG", [x]);
  sqrt = (x: TfliteTensor) => this.#call.emit("SQRT", [x]);
  tanh = (x: TfliteTensor) => this.#call.emit("TANH", [x]);
  neg = (x: TfliteTensor) => this.#call.emit("NEG", [x]);
  sign = (x: TfliteTensor) => this.#call.emit("SIGN", [x]);
  elu = (x: TfliteTensor) => this.#call.emit("ELU", [x]);
  gelu = (x: TfliteTensor) => this.#call.emit("GELU", [x]);
  sin = (x: TfliteTensor) => this.#call.emit("SIN", [x]);
  cos = (x: TfliteTensor) => this.#call.emit("COS", [x]);
  isEqual = (a: TfliteTensor, b: TfliteTensor) => this.#call.emit("EQUAL", [a, b], { dtype: "bool" });
  differs = (a: TfliteTensor, b: TfliteTensor) => this.#call.emit("NOT_EQUAL", [a, b], { dtype: "bool" });
  isLess = (a: TfliteTensor, b: TfliteTensor) => this.#call.emit("LESS", [a, b], { dtype: "bool" });
  where = (condition: TfliteTensor, yes: TfliteTensor, no: TfliteTensor) =>
    this.#call.emit("SELECT_V2", [condition, yes, no], { dtype: "float32" });

  /** Angle of the point (x, y); its kernel does not broadcast. */
  angle = (y: TfliteTensor, x: TfliteTensor) => this.#call.emit("ATAN2", [y, x]);
}

function formula(compute: (f: Formula, x: TfliteTensor) => TfliteTensor): TfliteRow {
  return (call) => {
    const x = call.input(0);
    if (x.dtype !== "float32") call.fail(`takes ${x.dtype}`);
    call.requireRank(4, x);
    return compute(new Formula(call), x);
  };
}

/** `sqrt(1 - x * x)`, with all digits near 1. */
function opposite(f: Formula, x: TfliteTensor): TfliteTensor {
  return f.sqrt(f.mul(f.sub(f.number(1), x), f.add(f.number(1), x)));
}

/** Near zero, where `exp(x) - 1` loses its digits: `2 tanh(x/2) / (1 - tanh(x/2))`. */
function expm1(f: Formula, x: TfliteTensor): TfliteTensor {
  const half = f.tanh(f.mul(x, f.number(0.5)));
  const nearZero = f.div(f.add(half, half), f.sub(f.number(1), half));
  const elsewhere = f.sub(f.exp(x), f.number(1));
  return f.where(f.isLess(f.abs(x), f.number(0.5)), nearZero, elsewhere);
}

/** Near zero `log(1 + x)` loses digits: `x log(u) / (u - 1)` with the `u` that `1 + x` was rounded to (Kahan). */
function log1p(f: Formula, x: TfliteTensor): TfliteTensor {
  const one = f.number(1);
  const sum = f.add(x, one);
  const added = f.sub(sum, one);
  const corrected = f.div(f.mul(x, f.log(sum)), added);
  return f.where(f.isEqual(added, f.number(0)), x, corrected);
}

/** By what GELU makes of `z = x sqrt(2)`, which is `z (1 + erf(x)) / 2`; beyond 6 the result is 1 in float32. */
function erf(f: Formula, x: TfliteTensor): TfliteTensor {
  const z = f.mul(f.min(f.abs(x), f.number(6)), f.number(Math.SQRT2));
  const size = f.sub(f.div(f.mul(f.gelu(z), f.number(2)), z), f.number(1));
  return f.where(f.isEqual(x, f.number(0)), x, f.mul(f.sign(x), size));
}

const scale = 1.0507009873554805;
const alpha = 1.6732632423543772;

function selu(f: Formula, x: TfliteTensor): TfliteTensor {
  const zero = f.number(0);
  const below = f.mul(f.elu(f.min(x, zero)), f.number(scale * alpha));
  return f.add(f.mul(f.max(x, zero), f.number(scale)), below);
}

function softplus(f: Formula, x: TfliteTensor): TfliteTensor {
  const rest = f.log(f.add(f.exp(f.neg(f.abs(x))), f.number(1)));
  return f.add(f.max(x, f.number(0)), rest);
}

/** Half of `exp(x)` and of `exp(-x)`, which are large no sooner than the result is. */
function halves(f: Formula, x: TfliteTensor): readonly [TfliteTensor, TfliteTensor] {
  const half = f.number(-Math.LN2);
  return [f.exp(f.add(x, half)), f.exp(f.sub(half, x))];
}

const atan2: TfliteRow = (call) => {
  const [y, x] = call.inputs() as [TfliteTensor, TfliteTensor];
  call.requireRank(4, y, x);
  const zeros = call.filled(call.scalar(0), call.outputDims());
  return call.emit("ATAN2", [call.emit("ADD", [y, zeros]), call.emit("ADD", [x, zeros])]);
};

const atan: TfliteRow = (call) => call.emit("ATAN2", [call.input(0), call.filled(call.scalar(1), call.outputDims())]);

export const functionRows: TfliteRows = {
  Acos: formula((f, x) => f.angle(opposite(f, x), x)),
  Acosh: formula((f, x) => {
    const one = f.number(1);
    return f.log(f.add(x, f.mul(f.sqrt(f.sub(x, one)), f.sqrt(f.add(x, one)))));
  }),
  Asin: formula((f, x) => f.angle(x, opposite(f, x))),
  Asinh: formula((f, x) => {
    const size = f.abs(x);
    return f.mul(f.sign(x), f.log(f.add(size, f.sqrt(f.add(f.mul(size, size), f.number(1))))));
  }),
  Atan: atan,
  Atan2: atan2,
  Atanh: formula((f, x) => {
    const one = f.number(1);
    return f.mul(f.log(f.div(f.add(one, x), f.sub(one, x))), f.number(0.5));
  }),
  Cosh: formula((f, x) => f.add(...halves(f, x))),
  Erf: formula(erf),
  Expm1: formula(expm1),
  Inv: formula((f, x) => f.div(f.number(1), x)),
  IsFinite: formula((f, x) => f.isLess(f.abs(x), f.number(Number.POSITIVE_INFINITY))),
  IsInf: formula((f, x) => f.isEqual(f.abs(x), f.number(Number.POSITIVE_INFINITY))),
  IsNan: formula((f, x) => f.differs(x, x)),
  Log1p: formula(log1p),
  Reciprocal: formula((f, x) => f.div(f.number(1), x)),
  Selu: formula(selu),
  Sinh: formula((f, x) => f.sub(...halves(f, x))),
  Softplus: formula(softplus),
  Tan: formula((f, x) => f.div(f.sin(x), f.cos(x))),
};
