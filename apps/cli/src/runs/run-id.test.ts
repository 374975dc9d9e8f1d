import { runIdSchema } from "@anneal/contracts";
import { expect, test } from "vitest";
import { newRunId } from "./run-id.ts";

test("a run's id names the recipe and the local time, and two of a moment differ", () => {
  const now = new Date(2026, 10, 24, 3, 12, 5);
  const ids = new Set(Array.from({ length: 20 }, () => newRunId("mnist", now)));
  expect(ids.size).toBeGreaterThan(15);
  for (const id of ids) {
    expect(id).toMatch(/^mnist-20261124-031205-[0-9a-z]{4}$/);
    expect(runIdSchema.safeParse(id).success).toBe(true);
  }
});
