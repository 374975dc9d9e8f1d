import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { testTensorflow } from "../test-support/run-graph.ts";
import { functionNames, layerClasses } from "./enumerate.ts";
import { layerCases } from "./layers/index.ts";
import { opCases } from "./ops/index.ts";
import { unsupportedFunctions, unsupportedKernels, unsupportedLayers } from "./unsupported.ts";

const { tf } = testTensorflow();
const guide = readFileSync(new URL("../../../../docs/compiler.md", import.meta.url), "utf8");

/** What the guide lists under a heading such as `### Layers: 2`: its number, and a reason for each name. */
function listed(title: string) {
  const [, count, section] = new RegExp(`### ${title}: (\\d+)\\n([^#]*)`).exec(guide) ?? [];
  const rows = (section ?? "").matchAll(/^\| (`.*`) \| (.*) \|$/gm);
  const reasons = [...rows].flatMap(([, names, reason]) =>
    [...names!.matchAll(/`([^`]+)`/g)].map(([, name]) => [name!, reason!] as const),
  );
  return { count: Number(count), reasons: Object.fromEntries(reasons) };
}

test.each([
  ["Layers", unsupportedLayers],
  ["Functions", unsupportedFunctions],
  ["Kernels", unsupportedKernels],
])("the guide counts and lists what is not supported: %s", (title, unsupported) => {
  const { count, reasons } = listed(title);
  expect(reasons).toEqual(unsupported);
  expect(count).toBe(Object.keys(unsupported).length);
});

test("the guide says how much is supported, and of which version", () => {
  const [numLayers, numFunctions] = [layerCases, opCases].map((cases) => Object.keys(cases).length);
  const [allLayers, allFunctions] = [layerClasses(tf), functionNames(tf)].map(({ length }) => length);
  const version = tf.version.tfjs.split(".").slice(0, 2).join(".");
  expect(guide.replaceAll("\n", " ")).toContain(
    `${numLayers} of the ${allLayers} layers and ${numFunctions} of the ${allFunctions} functions of TensorFlow.js ${version}`,
  );
});
