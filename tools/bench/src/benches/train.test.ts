import fc from "fast-check";
import { expect, it } from "vitest";
import { lossesByRound } from "./train.ts";

it("takes each round's own loss out of the running means of an epoch", () => {
  const losses = fc.array(fc.double({ min: 0.01, max: 10, noNaN: true }), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(losses, fc.integer({ min: 1, max: 200 }), (own, stepsPerRound) => {
      const running = own.map((_, round) => ({
        mean: own.slice(0, round + 1).reduce((sum, loss) => sum + loss, 0) / (round + 1),
        numSteps: (round + 1) * stepsPerRound,
      }));
      lossesByRound(running).forEach((loss, round) => {
        expect(loss).toBeCloseTo(own[round] ?? Number.NaN, 6);
      });
    }),
  );
});

it("starts anew with an epoch", () => {
  const rounds = [
    { mean: 2, numSteps: 60 },
    { mean: 1, numSteps: 20 },
  ];
  expect(lossesByRound(rounds)).toEqual([2, 1]);
});
