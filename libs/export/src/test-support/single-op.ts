import { constant, makeGraph, makeNode, placeholder, type Value } from "@anneal/graph";
import { type TestCall, toData } from "@anneal/graph/test-calls";
import { fixedDims } from "../model/align-batch.ts";
import type { PredictModel } from "../model/predict-model.ts";

/** A model of one call: inputs that are no constants are fed. */
export function singleOpModel({ op, inputs, attributes }: TestCall): PredictModel {
  const values = inputs.map(({ type, values, isConstant }, index) =>
    isConstant ? constant({ ...type, data: toData(type.dtype, values) }) : placeholder(`input${index}`, type),
  );
  const node = makeNode(op, values, attributes, { scope: "tested" });
  const outputs = node.outputs.map((_, index): [string, Value] => [`output${index}`, { node, index }]);
  const graph = makeGraph(Object.fromEntries(outputs));
  return {
    graph,
    inputs: values.flatMap((value) => (value.node.op === "Const" ? [] : [{ name: value.node.name!, value }])),
    outputs: outputs.map(([name, value]) => ({ name, value })),
    weights: new Map(),
    dims: fixedDims(),
    fixedBatch: null,
  };
}
