import { policySchema, precisions } from "@anneal/contracts";
import { expect, test } from "vitest";
import { resolvePolicy, supportedPrecisions } from "./resolve-policy.ts";

test("the default policy trains in float32", () => {
  expect(resolvePolicy(policySchema.parse({}), { device: "cpu" })).toEqual({ precision: "float32" });
});

test.each(precisions.filter((precision) => precision === "auto"))("%s is refused, naming what is supported", (p) => {
  expect(() => resolvePolicy(policySchema.parse({ precision: p }), { device: "cpu" })).toThrowError(
    expect.objectContaining({
      code: "POLICY_UNSUPPORTED",
      remedy: expect.stringContaining(supportedPrecisions.join(", ")),
      facts: expect.objectContaining({ precision: p }),
    }),
  );
});
