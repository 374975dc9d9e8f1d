import { stateDigestOf } from "@anneal/checkpoint";
import { engines } from "@anneal/contracts";
import * as tfjs from "@tensorflow/tfjs";
import { afterEach, describe, expect, test } from "vitest";
import { initialLoopState } from "../loop/bookkeeping.ts";
import { adamW, sgd } from "../optimizers/specs.ts";
import { functionModel } from "../recipe/define.ts";
import { testTensorflow } from "../test-support/tensorflow.ts";
import { tinyBatch, tinyOptions, tinyRecipe } from "../test-support/tiny.ts";
import { createEngine } from "./create-engine.ts";
import type { EngineState } from "./step-engine.ts";

const tf = testTensorflow();
function digestOf({ model, optimizer, optimizerScalars }: EngineState): string {
  return stateDigestOf({ model, optimizer, state: initialLoopState(optimizerScalars) });
}

describe.each(engines)("several steps in one call of the %s engine", (engineName) => {
  const engine = createEngine[engineName](tf);
  afterEach(() => engine.dispose());

  const group = (from: number, numSteps: number) => {
    const steps = Array.from({ length: numSteps }, (_, index) => from + index);
    return {
      batches: steps.map((step) => tinyBatch(step)),
      scalars: steps.map((step) => ({ step, learningRate: 0.01 / (step + 1) })),
    };
  };
  const trainGroup = (from: number, numSteps: number) => {
    const { batches, scalars } = group(from, numSteps);
    return engine.trainBatches(batches, scalars);
  };
  const trainOneByOne = (from: number, numSteps: number) => {
    const { batches, scalars } = group(from, numSteps);
    return batches.map((batch, index) => engine.trainBatch(batch, scalars[index]!));
  };

  test.each([
    ["Adam with decay, clipped", adamW({ learningRate: 0.01, weightDecay: 0.1, clipNorm: 0.5 })],
    ["momentum", sgd({ learningRate: 0.01, momentum: 0.9 })],
    ["plain descent", sgd({ learningRate: 0.01 })],
  ])("are the same bits as one by one: %s", (_name, optimizer) => {
    const outcomes = [trainOneByOne, trainGroup].map((train) => {
      engine.prepare(tinyOptions({ optimizer, stepsPerCall: 3 }));
      const sums = [...train(0, 3), ...train(3, 3), ...trainOneByOne(6, 2), ...train(8, 2)];
      sums.push(engine.trainBatch(tinyBatch(10, 3), { step: 10, learningRate: 0.01 }), ...train(11, 3));
      return { sums, digest: digestOf(engine.readState()) };
    });
    expect(outcomes[1]).toEqual(outcomes[0]);
    expect(outcomes[0]!.sums).toHaveLength(14);
  });

  test("see the variables that a function assigns to", () => {
    const recipe = tinyRecipe({
      model: ({ numClasses }) => {
        const kernel = tfjs.variable(tfjs.truncatedNormal([36, numClasses], 0, 0.1));
        const numCalls = tfjs.variable(tfjs.scalar(0), false);
        return functionModel({
          variables: { kernel, numCalls },
          apply: (inputs, { training }) => {
            if (training) numCalls.assign(numCalls.add(1));
            return inputs
              .reshape([-1, 36])
              .matMul(kernel as tfjs.Tensor2D)
              .mul(numCalls);
          },
        });
      },
    });
    engine.prepare(tinyOptions({ recipe, stepsPerCall: 4 }));
    trainGroup(0, 4);
    trainGroup(4, 4);
    expect(engine.readState().model[1]!.data[0]).toBe(8);
  });

  test.each([0, 1, 3])("end at the first that is not finite, which is number %d of them", (bad) => {
    // The eager engine moves the averages of batch normalisation even then.
    const model = ({ numClasses }: { readonly numClasses: number }) =>
      tfjs.sequential({
        layers: [
          tfjs.layers.flatten({ inputShape: [6, 6, 1] }),
          tfjs.layers.dropout({ rate: 0.2 }),
          tfjs.layers.dense({ units: numClasses }),
        ],
      });
    const stateAfter = (run: () => void) => {
      engine.prepare(tinyOptions({ recipe: tinyRecipe({ model }), stepsPerCall: 4 }));
      trainOneByOne(0, 2);
      run();
      return digestOf(engine.readState());
    };
    const expected = stateAfter(() => trainOneByOne(2, bad));
    const { batches, scalars } = group(2, 4);
    batches[bad]!.inputs[5] = Number.NaN;
    const found = stateAfter(() =>
      expect(() => engine.trainBatches(batches, scalars)).toThrowError(
        expect.objectContaining({ code: "LOSS_NOT_FINITE", facts: { step: 3 + bad, loss: "NaN" } }),
      ),
    );
    expect(found).toBe(expected);
    // What was good before it counts, and the engine goes on.
    expect(stateAfter(() => trainOneByOne(2, bad + 1))).toBe(
      stateAfter(() => {
        expect(() => engine.trainBatches(batches, scalars)).toThrow();
        trainOneByOne(2 + bad, 1);
      }),
    );
  });
});
