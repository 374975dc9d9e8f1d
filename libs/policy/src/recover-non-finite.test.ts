import { policySchema } from "@anneal/contracts";
import { expect, test } from "vitest";
import { recoverFromNonFinite } from "./recover-non-finite.ts";

const nonFinite = (changes: object = {}) => policySchema.parse({ nonFinite: changes }).nonFinite;
const failedAt = (step: number) => ({ facts: { step } });

test("by default the batch of the step is passed over, three times", () => {
  const policy = nonFinite();
  const first = recoverFromNonFinite(policy, null, failedAt(8));
  expect(first).toMatchObject({
    kind: "recover",
    corrections: { learningRateScale: 1, skippedSteps: [7], numRecoveries: 1 },
  });
  const second = recoverFromNonFinite(policy, first.kind === "recover" ? first.corrections : null, failedAt(3));
  expect(second).toMatchObject({ corrections: { skippedSteps: [2, 7], numRecoveries: 2 } });
  const used = { learningRateScale: 1, skippedSteps: [1, 2, 3], numRecoveries: 3 };
  expect(recoverFromNonFinite(policy, used, failedAt(9))).toEqual({
    kind: "fail",
    why: "all 3 recoveries are used up",
  });
});

test("the learning rate is lowered again and again, and what was passed over stays so", () => {
  const policy = nonFinite({ remedy: "lowerLearningRate", learningRateFactor: 0.1 });
  const before = { learningRateScale: 0.5, skippedSteps: [4], numRecoveries: 1 };
  const recovery = recoverFromNonFinite(policy, before, failedAt(9));
  expect(recovery).toMatchObject({ corrections: { learningRateScale: 0.05, skippedSteps: [4], numRecoveries: 2 } });
});

test.each([
  ["the remedy is to fail", { remedy: "fail" }],
  ["no recovery is allowed", { maxRecoveries: 0 }],
])("gives up when %s", (_name, changes) => {
  expect(recoverFromNonFinite(nonFinite(changes), null, failedAt(1)).kind).toBe("fail");
});
