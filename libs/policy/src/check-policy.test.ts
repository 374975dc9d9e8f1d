import { type engines, policySchema, precisions } from "@anneal/contracts";
import { expect, test } from "vitest";
import { checkPolicy } from "./check-policy.ts";

const check = (engine: (typeof engines)[number], policy: object) => () =>
  checkPolicy({ engine, policy: policySchema.parse(policy) });

test.each(precisions)("the compiled engine computes in %s", (precision) => {
  expect(check("compiled", { precision, memory: { recomputeSegments: 4 } })).not.toThrow();
});

test.each([
  ["precision", { precision: "bfloat16" }],
  ["precision", { precision: "float16" }],
  ["memory-budget", { memory: { budget: "512MiB" } }],
  ["memory-recompute-segments", { memory: { recomputeSegments: 2 } }],
])("the eager engine knows no --%s such as %j", (option, policy) => {
  expect(check("eager", policy)).toThrowError(
    expect.objectContaining({ code: "POLICY_UNSUPPORTED", remedy: expect.stringContaining(`--${option}`) }),
  );
});

test.each([{}, { precision: "auto" }, { memory: { microBatches: 4, recomputeSegments: 1 } }])(
  "the eager engine takes %j",
  (policy) => expect(check("eager", policy)).not.toThrow(),
);
