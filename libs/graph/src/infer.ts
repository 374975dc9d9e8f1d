import { AnnealError } from "@anneal/contracts";
import { type Attribute, type Attributes, readAttribute } from "./attributes.ts";
import { constantOf, numbersOf } from "./constants.ts";
import { type Node, typeOf, type Value } from "./graph.ts";
import { opTable } from "./ops/index.ts";
import type { OpCall } from "./ops/row.ts";
import { dataDependentOps, unsupportedOps } from "./ops/unsupported.ts";
import { formatType, type TensorType } from "./types.ts";

interface Call {
  readonly op: string;
  readonly inputs: readonly Value[];
  readonly attributes: Attributes;
  readonly scope: string;
}

/**
 * Types of a call's outputs by the rule of the op's row.
 *
 * @throws AnnealError TRACE_UNSUPPORTED when the op has no row or its shape depends on data
 */
export function inferOutputs(call: Call): readonly TensorType[] {
  const row = opTable[call.op];
  if (row === undefined) {
    throw unsupported(call, dataDependentOps[call.op] ?? unsupportedOps[call.op] ?? "has no row in the op table");
  }
  return row.infer(callOf(call));
}

/** Multiplications of a node, each with an addition: what most of a step's arithmetic is. */
export function multiplicationsOf(node: Node): number {
  return opTable[node.op]?.multiplications?.(callOf(node)) ?? 0;
}

/** A call as the rules of its row see it. */
export function callOf(call: Call): OpCall {
  const { op, inputs, attributes } = call;
  const types = inputs.map(typeOf);
  const fail = (problem: string): never => {
    throw unsupported(call, problem);
  };
  const required = <K extends Attribute["kind"]>(name: string, kind: K) =>
    readAttribute(attributes, name, kind) ?? fail(`needs the attribute ${name} (${kind})`);
  /** What `read` finds in an input, which has to be a constant. */
  const known = <T>(index: number, read: (value: Value) => T | null): T => {
    const input = inputs[index];
    return (input && read(input)) ?? fail(`has a shape that depends on the values of its input ${index}`);
  };
  return {
    op,
    types,
    attributes,
    fail,
    input: (index) => types[index] ?? fail(`needs an input ${index}`),
    type: (name) => required(name, "type"),
    int: (name) => required(name, "int"),
    ints: (name) => required(name, "ints"),
    string: (name) => required(name, "string"),
    bool: (name) => required(name, "bool"),
    shape: (name) => required(name, "shape"),
    constant: (index) => known(index, constantOf),
    constantInts: (index) => known(index, numbersOf),
  };
}

function unsupported({ op, inputs, scope }: Call, problem: string): AnnealError {
  const where = scope === "" ? "" : ` in ${scope}`;
  const types = inputs.map((input) => formatType(typeOf(input))).join(", ");
  return new AnnealError(
    "TRACE_UNSUPPORTED",
    `the step cannot be compiled: ${op}(${types})${where} ${problem}`,
    'Write that part with other ops, or train with engine: "eager".',
    { op, layer: scope, inputs: types },
  );
}
