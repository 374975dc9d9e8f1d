import { describe, test } from "vitest";
import { expectAgreement } from "../test-support/agreement.ts";
import { testTensorflow } from "../test-support/run-graph.ts";
import { runBothWays } from "./both-ways.ts";
import { opCases } from "./ops/index.ts";
import { opSubject } from "./subjects.ts";

const tensorflow = testTensorflow();

describe.each(Object.entries(opCases))("%s", (_name, cases) => {
  test.each(cases.map((each, index) => [index, each] as const))("case %i", (_index, each) => {
    expectAgreement(runBothWays(tensorflow, opSubject(tensorflow.tf, each)));
  });
});
