import fc from "fast-check";
import { expect, it } from "vitest";
import { interleave } from "./interleave.ts";

it("measures in turn, one at a time, and sorts the results by round", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 4 }), async (numRounds, numSubjects) => {
      const names = ["a", "b", "c", "d"].slice(0, numSubjects);
      const seen: string[] = [];
      let numRunning = 0;
      const subject = (name: string) => async (round: number) => {
        numRunning += 1;
        expect(numRunning).toBe(1);
        await Promise.resolve();
        numRunning -= 1;
        seen.push(name);
        return `${name}${round}`;
      };
      const rounds = await interleave(numRounds, Object.fromEntries(names.map((name) => [name, subject(name)])));
      expect(seen).toEqual(Array.from({ length: numRounds }, () => names).flat());
      expect(rounds).toEqual(
        Array.from({ length: numRounds }, (_, round) => Object.fromEntries(names.map((name) => [name, name + round]))),
      );
    }),
  );
});
