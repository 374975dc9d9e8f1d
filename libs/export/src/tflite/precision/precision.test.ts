import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ExportPrecision } from "@anneal/contracts";
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
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { compareOutputs } from "../../gate/agreement.ts";
import type { PredictModel } from "../../model/predict-model.ts";
import { prepareModel } from "../../model/prepare-model.ts";
import { openReference } from "../../model/reference.ts";
import type { TensorSource } from "../../model/tensor-source.ts";
import { runTflite, tfliteBytes } from "../../test-support/run-tflite.ts";
import { testBackend } from "../../test-support/small-model.ts";
import { bytesOfArray } from "../builder.ts";
import { emitTflite } from "../emit-graph.ts";
import type { TfliteTensor } from "../tflite-graph.ts";
import { precisionPasses } from "./index.ts";
import { quantizeWeight } from "./int8-weights.ts";
import { floatsOf } from "./map-weights.ts";

const home = mkdtempSync(join(tmpdir(), "anneal-tflite-precision-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));

/** Values from -1 to 1 in no order: sums of waves would cancel each other out. */
function noise(length: number, salt: number): Float32Array {
  return Float32Array.from({ length }, (_, index) => {
    const value = Math.sin((index + 1) * 12.9898 + salt * 78.233) * 43758.5453;
    return 2 * (value - Math.floor(value)) - 1;
  });
}

const shapes = { stem: [3, 3, 8, 128], depthwise: [3, 3, 128, 1], head: [128, 10] } as const;

/** A convolution, a depthwise one and a product of matrices, each with weights enough to be worth another format. */
function largeModel(): PredictModel {
  const sources = Object.entries(shapes).map(([name, shape], salt): [string, TensorSource] => {
    const size = shape.reduce((product: number, each) => product * each, 1);
    const data = noise(size, salt).map((value) => value / 10);
    return [name, { type: { dtype: "float32", shape }, read: () => data }];
  });
  const weight = (name: keyof typeof shapes): Value => {
    const type = { dtype: "float32", shape: shapes[name] } as const;
    return readVariable(variableHandle(name, type), type);
  };
  const convolve = (op: string, input: Value, name: keyof typeof shapes): Value => {
    const strides = attribute.ints([1, 1, 1, 1]);
    const attributes = { T: attribute.type("float32"), strides, padding: attribute.string("SAME") };
    return simpleCall("Relu", [makeValue(op, [input, weight(name)], attributes, { scope: name })], { scope: name });
  };
  return prepareModel({
    weights: new Map(sources),
    trace: (numSamples) => {
      const inputs = placeholder("inputs", { dtype: "float32", shape: [numSamples, 5, 5, 8] });
      const stem = convolve("Conv2D", inputs, "stem");
      const pooled = reduce("Mean", convolve("DepthwiseConv2dNative", stem, "depthwise"), { axes: [1, 2] });
      const outputs = makeValue(
        "MatMul",
        [pooled, weight("head")],
        { T: attribute.type("float32") },
        { scope: "head" },
      );
      return { graph: makeGraph({ outputs }), inputs: [{ name: "inputs", value: inputs }] };
    },
  });
}

const model = largeModel();
const { graph } = emitTflite(model);

test.each([
  ["float16", { share: 0.56, rootMeanSquare: 2e-3 }],
  ["int8-weights", { share: 0.4, rootMeanSquare: 0.03 }],
] as const satisfies readonly (readonly [ExportPrecision, object])[])(
  "%s takes its part of the bytes, and gives the outputs",
  async (precision, { share, rootMeanSquare }) => {
    const small = precisionPasses[precision](graph);
    expect(tfliteBytes(small).length / tfliteBytes(graph).length).toBeLessThan(share);
    using reference = openReference(model, [model.outputs[0]!.value], testBackend());
    const { numSamples } = reference;
    const inputs = noise(numSamples * 5 * 5 * 8, 9);
    const [expected] = reference.run([inputs]) as [Float32Array];
    const given = { dtype: "float32", shape: [numSamples, 5, 5, 8], values: Array.from(inputs) };
    const [outcome] = await runTflite(join(home, precision), [{ graph: small, inputs: { inputs: given } }]);
    if ("refused" in outcome!) throw new Error(outcome.refused);
    const actual = Float32Array.from(outcome!.outputs[0]!);
    const difference = compareOutputs(expected, actual, { numSamples, areClasses: false });
    expect(difference.rootMeanSquare).toBeLessThan(rootMeanSquare);
    // What was not rounded at all would be nearer.
    expect(difference.rootMeanSquare).toBeGreaterThan(1e-6);
  },
);

describe("weights of 8 bits", () => {
  const numbers = fc.float({ noNaN: true, min: -1000, max: 1000 });

  test("are half a step from what they were at most, in whatever channel", () => {
    const shape = fc.tuple(fc.nat(3), fc.nat(3), fc.nat(3)).map((sizes) => sizes.map((size) => size + 1));
    const cases = shape.chain((dims) => {
      const size = dims.reduce((product, each) => product * each, 1);
      return fc.tuple(fc.constant(dims), fc.array(numbers, { minLength: size, maxLength: size }), fc.nat(2));
    });
    fc.assert(
      fc.property(cases, ([dims, given, axis]) => {
        const weights = Float32Array.from(given);
        const tensor: TfliteTensor = { name: "w", dtype: "float32", dims, read: () => bytesOfArray(weights) };
        const { read, quantization } = quantizeWeight(tensor, axis);
        const whole = new Int8Array(read!().slice().buffer);
        const inner = dims.slice(axis + 1).reduce((product, each) => product * each, 1);
        weights.forEach((weight, place) => {
          const scale = quantization!.scales[Math.floor(place / inner) % dims[axis]!]!;
          expect(Math.abs(whole[place]! * scale - weight)).toBeLessThanOrEqual(scale * 0.5001);
        });
      }),
    );
  });

  test("are read where they do not lie at a multiple of their size", () => {
    const bytes = new Uint8Array([9, ...bytesOfArray(Float32Array.of(1, 2))]).subarray(1);
    expect([...floatsOf({ name: "w", dtype: "float32", dims: [2], read: () => bytes })]).toEqual([1, 2]);
  });
});
