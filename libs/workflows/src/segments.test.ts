import { runSpecSchema, type TrainingPlan } from "@anneal/contracts";
import fc from "fast-check";
import { expect, it } from "vitest";
import { nextSegmentEnd, segmentSummary } from "./segments.ts";

const spec = runSpecSchema.parse({ recipe: { name: "r", path: "/r.ts" } });
const plan = (stepsPerEpoch: number, epochs: number, totalSteps = stepsPerEpoch * epochs) =>
  ({ stepsPerEpoch, epochs, totalSteps }) as TrainingPlan;

it("a segment always moves forward, never past an epoch's end nor the run's", () => {
  const numbers = fc.record({
    step: fc.nat(9_999),
    perEpoch: fc.integer({ min: 1, max: 500 }),
    limit: fc.option(fc.integer({ min: 1, max: 600 })),
  });
  fc.assert(
    fc.property(numbers, ({ step, perEpoch, limit }) => {
      const limited = limit === null ? spec : { ...spec, segment: { ...spec.segment, maxSteps: limit } };
      const end = nextSegmentEnd(step, plan(perEpoch, 20_000), limited);
      expect(end).toBeGreaterThan(step);
      expect(Math.floor((end - 1) / perEpoch)).toBe(Math.floor(step / perEpoch));
    }),
  );
  expect(nextSegmentEnd(460, plan(469, 3, 465), spec)).toBe(465);
});

it("says the steps completed before and after, and the epoch", () => {
  expect(segmentSummary(469, 938, plan(469, 3))).toBe("steps 469-938, epoch 2/3");
});
