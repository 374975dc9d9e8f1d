import {
  attribute,
  makeGraph,
  makeValue,
  placeholder,
  readVariable,
  reduce,
  simpleCall,
  type Value,
  variableHandle,
} from "@anneal/graph";
import { loadTensorflow, type TensorflowBackend } from "@anneal/runtime";
import type { HeldOut, ModelFacts } from "../export-model.ts";
import type { PredictModel } from "../model/predict-model.ts";
import { prepareModel } from "../model/prepare-model.ts";
import { openReference } from "../model/reference.ts";
import type { TensorSource } from "../model/tensor-source.ts";

/** Values from -1 to 1 of which none is like another. */
export function values(length: number, salt = 0): Float32Array {
  return Float32Array.from({ length }, (_, index) => Math.sin(1 + index * 1.37 + salt * 0.71));
}

const shapes = { stem: [3, 3, 2, 4], body: [3, 3, 4, 4], head: [4, 3] } as const;

const weights = new Map(
  Object.entries(shapes).map(([name, shape], salt): [string, TensorSource] => {
    const data = values(
      shape.reduce((product, size) => product * size, 1),
      salt,
    );
    return [name, { type: { dtype: "float32", shape }, read: () => data }];
  }),
);

/** Two convolutions with a shortcut, a mean over the image, and scores of three classes. */
export function smallModel(): PredictModel {
  return prepareModel({
    weights,
    trace: (numSamples) => {
      const inputs = placeholder("inputs", { dtype: "float32", shape: [numSamples, 6, 6, 2] });
      const stem = relu(convolve(inputs, "stem"), "stem");
      const body = simpleCall("AddV2", [relu(convolve(stem, "body"), "body"), stem], { scope: "shortcut" });
      const pooled = reduce("Mean", body, { axes: [1, 2] }, { scope: "pool" });
      const attributes = { T: attribute.type("float32") };
      const outputs = makeValue("MatMul", [pooled, weight("head")], attributes, { scope: "head" });
      return { graph: makeGraph({ outputs }), inputs: [{ name: "inputs", value: inputs }] };
    },
  });
}

function relu(value: Value, scope: string): Value {
  return simpleCall("Relu", [value], { scope });
}

function convolve(input: Value, name: keyof typeof shapes): Value {
  const attributes = {
    T: attribute.type("float32"),
    strides: attribute.ints([1, 1, 1, 1]),
    padding: attribute.string("SAME"),
  };
  return makeValue("Conv2D", [input, weight(name)], attributes, { scope: name });
}

function weight(name: keyof typeof shapes): Value {
  const type = { dtype: "float32", shape: shapes[name] } as const;
  return readVariable(variableHandle(name, type), type);
}

let loaded: TensorflowBackend | undefined;

export function testBackend(): TensorflowBackend {
  loaded ??= loadTensorflow({ numIntraOpThreads: 1, numInterOpThreads: 1 }).backend;
  return loaded;
}

/** Samples of the small model, with what TensorFlow makes of them. */
export function heldOutOf(model: PredictModel): HeldOut {
  const [{ value }] = model.outputs as [PredictModel["outputs"][number]];
  using reference = openReference(model, [value], testBackend());
  const { numSamples } = reference;
  const inputs = values(numSamples * 6 * 6 * 2, 9);
  const [outputs] = reference.run([inputs]) as [Float32Array];
  return {
    split: "test",
    numSamples,
    type: { dtype: "float32", shape: [6, 6, 2] },
    values: inputs,
    outputs,
    judge: (given) => ({ mean: given.reduce((sum, each) => sum + each, 0) / given.length }),
  };
}

export const smallModelFacts: ModelFacts = {
  recipe: { name: "small", digest: "d1" },
  checkpoint: { step: 3, epoch: 1, path: "/runs/small", digest: "c1" },
  areClasses: true,
  measures: { numBytes: 1000, times: { loadMs: 1, p50Ms: 1, p99Ms: 2 } },
};
