import fc from "fast-check";
import { expect, test } from "vitest";
import {
  itemAt,
  itemOfStep,
  itemsPerEpoch,
  numItems,
  type Schedule,
  type ScheduleItem,
  stepsPerEpoch,
} from "./schedule.ts";

const schedules: fc.Arbitrary<Schedule> = fc
  .record({
    train: fc.integer({ min: 1, max: 60 }),
    validation: fc.nat(30),
    batchSize: fc.integer({ min: 1, max: 16 }),
    epochs: fc.integer({ min: 1, max: 4 }),
  })
  .map(({ train, validation, batchSize, epochs }) => ({
    seed: 1,
    batchSize,
    epochs,
    shuffle: true,
    phases: [
      { phase: "train", numSamples: train } as const,
      ...(validation > 0 ? [{ phase: "validation", numSamples: validation } as const] : []),
    ],
  }));

const itemsOf = (schedule: Schedule) => Array.from({ length: numItems(schedule) }, (_, i) => itemAt(schedule, i));

test("the items are each epoch's train batches, then its validation batches, partial ones last", () => {
  fc.assert(
    fc.property(schedules, (schedule) => {
      const expected = Array.from({ length: schedule.epochs }, (_, epoch) =>
        schedule.phases.flatMap(({ phase, numSamples }) => {
          const batches: ScheduleItem[] = [];
          for (let left = numSamples, batch = 0; left > 0; left -= schedule.batchSize, batch++) {
            const isLastOfPhase = left <= schedule.batchSize;
            batches.push({ epoch, phase, batch, numSamples: Math.min(left, schedule.batchSize), isLastOfPhase });
          }
          return batches;
        }),
      ).flat();
      expect(itemsOf(schedule)).toEqual(expected);
    }),
  );
});

test("itemOfStep finds the train batches in order", () => {
  fc.assert(
    fc.property(schedules, (schedule) => {
      const trainItems = itemsOf(schedule).flatMap(({ phase }, index) => (phase === "train" ? [index] : []));
      expect(trainItems.map((_, step) => itemOfStep(schedule, step))).toEqual(trainItems);
      expect(trainItems.length).toBe(schedule.epochs * stepsPerEpoch(schedule));
    }),
  );
});

test("outside of the sequence there is nothing", () => {
  const schedule: Schedule = {
    seed: 1,
    batchSize: 4,
    epochs: 2,
    shuffle: true,
    phases: [{ phase: "train", numSamples: 10 }],
  };
  expect(itemsPerEpoch(schedule)).toBe(3);
  expect(numItems(schedule)).toBe(6);
  expect(() => itemAt(schedule, 6)).toThrow(RangeError);
  expect(() => itemAt(schedule, -1)).toThrow(RangeError);
});
