import {
  attribute,
  makeGraph,
  makeValue,
  placeholder,
  readVariable,
  reshape,
  simpleCall,
  type Value,
  variableHandle,
} from "@anneal/graph";
import type { HeldOut, ModelFacts } from "../export-model.ts";
import type { PredictModel } from "../model/predict-model.ts";
import { prepareModel } from "../model/prepare-model.ts";
import { openReference } from "../model/reference.ts";
import type { TensorSource } from "../model/tensor-source.ts";
import { smallModelFacts, testBackend } from "./small-model.ts";

/** Values from -1 to 1 in no order: sums of waves would cancel each other out. */
export function noise(length: number, salt: number): Float32Array {
  return Float32Array.from({ length }, (_, index) => {
    const value = Math.sin((index + 1) * 12.9898 + salt * 78.233) * 43758.5453;
    return 2 * (value - Math.floor(value)) - 1;
  });
}

const shapes = {
  stem: [3, 3, 4, 32],
  "stem/bias": [32],
  body: [3, 3, 32, 32],
  "body/bias": [32],
  depthwise: [3, 3, 32, 4],
  hidden: [2048, 64],
  "hidden/bias": [64],
  head: [64, 16],
} as const;
type WeightName = keyof typeof shapes;

const inputShape = [8, 8, 4] as const;
const numClasses = 16;

/**
 * Weights enough to be worth another number format: convolutions with biases and a shortcut, a pooling, a depthwise convolution, and two
 * products of matrices.
 *
 * @param isCoarse whether the hidden layer has weights so large that 8 bits leave nothing of the others; as they cancel each other out, the
 *   others are all that it computes with
 */
export function largeModel({ isCoarse = false }: { readonly isCoarse?: boolean } = {}): PredictModel {
  const sources = Object.entries(shapes).map(([name, shape], salt): [string, TensorSource] => {
    // Large enough that samples differ by more than what biases alone make.
    const size = shape.length === 1 ? 0.05 : 2 / Math.sqrt(sizeOf(shape.slice(0, -1)));
    const data = noise(sizeOf(shape), salt + 1).map((value) => value * size);
    if (isCoarse) cancelOut(name, data);
    return [name, { type: { dtype: "float32", shape }, read: () => data }];
  });
  return prepareModel({
    weights: new Map(sources),
    trace: (numSamples) => {
      const inputs = placeholder("inputs", { dtype: "float32", shape: [numSamples, ...inputShape] });
      const stem = relu(biased(convolve("Conv2D", inputs, "stem"), "stem/bias", "stem"), "stem");
      const body = biased(convolve("Conv2D", stem, "body"), "body/bias", "body");
      const joined = relu(simpleCall("AddV2", [body, stem], { scope: "join" }), "join");
      const pooled = makeValue("MaxPool", [joined], windows, { scope: "pool" });
      const wide = relu(convolve("DepthwiseConv2dNative", pooled, "depthwise"), "depthwise");
      const flat = reshape(wide, [numSamples, 2048]);
      const hidden = relu(biased(multiply(flat, "hidden"), "hidden/bias", "hidden"), "hidden");
      return {
        graph: makeGraph({ outputs: multiply(hidden, "head") }),
        inputs: [{ name: "inputs", value: inputs }],
      };
    },
  });
}

/** The first two outputs of the depthwise convolution become the same, and the hidden layer takes their difference many times. */
function cancelOut(name: string, data: Float32Array): void {
  const [, , numInputs, multiplier] = shapes.depthwise;
  if (name === "depthwise") {
    for (let at = 0; at < data.length; at += numInputs * multiplier) data[at + 1] = data[at]!;
  }
  if (name === "hidden") {
    const size = shapes.hidden[1];
    data.fill(60, 0, size).fill(-60, size, 2 * size);
  }
}

const windows = {
  T: attribute.type("float32"),
  ksize: attribute.ints([1, 2, 2, 1]),
  strides: attribute.ints([1, 2, 2, 1]),
  padding: attribute.string("VALID"),
};

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

function weight(name: WeightName): Value {
  const type = { dtype: "float32", shape: shapes[name] } as const;
  return readVariable(variableHandle(name, type), type);
}

function convolve(op: string, input: Value, name: WeightName): Value {
  const strides = attribute.ints([1, 1, 1, 1]);
  const attributes = { T: attribute.type("float32"), strides, padding: attribute.string("SAME") };
  return makeValue(op, [input, weight(name)], attributes, { scope: name });
}

function multiply(input: Value, name: WeightName): Value {
  return makeValue("MatMul", [input, weight(name)], { T: attribute.type("float32") }, { scope: name });
}

function biased(value: Value, name: WeightName, scope: string): Value {
  return simpleCall("BiasAdd", [value, weight(name)], { scope });
}

function relu(value: Value, scope: string): Value {
  return simpleCall("Relu", [value], { scope });
}

/** Samples of a model like the large one, labelled by what TensorFlow makes of them: the model's accuracy is 1. */
export function heldOutOfLarge(model: PredictModel, salt = 9): HeldOut {
  using reference = openReference(model, [model.outputs[0]!.value], testBackend());
  const { numSamples } = reference;
  const values = noise(numSamples * sizeOf(inputShape), salt);
  const [outputs] = reference.run([values]) as [Float32Array];
  const labels = classesOf(outputs);
  return {
    split: "test",
    numSamples,
    type: { dtype: "float32", shape: inputShape },
    values,
    outputs,
    judge: (given) => {
      const numSame = classesOf(given).filter((label, sample) => label === labels[sample]).length;
      return { accuracy: numSame / numSamples };
    },
  };
}

function classesOf(outputs: Float32Array): readonly number[] {
  return Array.from({ length: outputs.length / numClasses }, (_, sample) => {
    const scores = outputs.subarray(sample * numClasses, (sample + 1) * numClasses);
    return scores.indexOf(Math.max(...scores));
  });
}

export const largeModelFacts: ModelFacts = { ...smallModelFacts, recipe: { name: "large", digest: "d2" } };
