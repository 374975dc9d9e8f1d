import { expect, test, vi } from "vitest";
import { testTensorflow } from "../test-support/run-graph.ts";
import { runOneWay } from "./both-ways.ts";
import { functionNames, hasGradient, isInBackend, kernelNames, layerClasses } from "./enumerate.ts";
import { layerCases } from "./layers/index.ts";
import { opCases } from "./ops/index.ts";
import { opSubject } from "./subjects.ts";
import { unsupportedFunctions, unsupportedKernels, unsupportedLayers } from "./unsupported.ts";

const tensorflow = testTensorflow();
const { tf } = tensorflow;

test("every layer has a case or a reason", () => {
  const known = [...Object.keys(layerCases), ...Object.keys(unsupportedLayers)];
  expect(known.sort()).toEqual([...layerClasses(tf)].sort());
});

test("every function has cases or a reason", () => {
  const known = [...Object.keys(opCases), ...Object.keys(unsupportedFunctions)];
  expect(known.sort()).toEqual(functionNames(tf));
  expect(Object.entries(opCases).filter(([, cases]) => cases.length === 0)).toEqual([]);
});

test("every kernel and its gradient run in a case or have a reason", () => {
  const { ran, differentiated } = runAllCases();
  const missing = kernelNames(tf).filter(
    (name) => !ran.has(name) || (hasGradient(tf)(name) && !differentiated.has(name)),
  );
  expect(missing).toEqual(Object.keys(unsupportedKernels).sort());
});

test("what has no kernel is what the backend lacks", () => {
  const given = Object.entries(unsupportedKernels).flatMap(([name, reason]) =>
    /no kernel/.test(reason) ? [name] : [],
  );
  expect(given.filter(isInBackend(tf))).toEqual([]);
});

/** Kernels that cases of ops run, and kernels whose gradient function they run. */
function runAllCases() {
  const ran = new Set<string>();
  const differentiated = new Set<string>();
  const engine = tf.engine();
  const runKernel = engine.runKernel.bind(engine);
  vi.spyOn(engine, "runKernel").mockImplementation((name, ...rest) => {
    ran.add(name);
    return runKernel(name, ...rest) as never;
  });
  for (const name of kernelNames(tf).filter(hasGradient(tf))) {
    const gradient = tf.getGradient(name);
    const { gradFunc } = gradient;
    vi.spyOn(gradient, "gradFunc").mockImplementation((...call) => {
      differentiated.add(name);
      return gradFunc(...call);
    });
  }
  for (const each of Object.values(opCases).flat()) runOneWay(tensorflow, opSubject(tf, each));
  return { ran, differentiated };
}
