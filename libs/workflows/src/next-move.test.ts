import { type ErrorCode, failureTable } from "@anneal/contracts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type FailureCounts, nextMove } from "./next-move.ts";

const budget = { crash: 2, memory: 1, environment: 1 };
const codes = Object.keys(failureTable) as ErrorCode[];
const failure = (code: ErrorCode) => ({ code, message: "m", remedy: "r", facts: {} });

/** Number of attempts that a run survives which always fails with `code`. */
function attemptsUntilFailure(code: ErrorCode): number {
  let counts: FailureCounts = {};
  for (let attempts = 0; attempts < 100; attempts += 1) {
    const move = nextMove(failure(code), counts, budget);
    if (move.kind === "fail") return attempts;
    counts = move.counts;
  }
  return Number.POSITIVE_INFINITY;
}

describe("nextMove", () => {
  it("never retries bad input, whatever happened before", () => {
    const inputs = codes.filter((code) => failureTable[code].class === "input");
    expect(inputs.length).toBeGreaterThan(10);
    for (const code of inputs) expect(nextMove(failure(code), {}, budget).kind).toBe("fail");
  });

  it("counts crashes, memory and environment each against its own budget", () => {
    expect(attemptsUntilFailure("TRAINER_CRASHED")).toBe(2);
    expect(attemptsUntilFailure("WORKER_LOST")).toBe(2);
    expect(attemptsUntilFailure("OUT_OF_MEMORY")).toBe(1);
    expect(attemptsUntilFailure("DISK_FULL")).toBe(1);
    expect(nextMove(failure("TRAINER_CRASHED"), { memory: 1 }, budget).kind).toBe("retry");
  });

  it("does not count preemption", () => {
    expect(attemptsUntilFailure("PREEMPTED")).toBe(Number.POSITIVE_INFINITY);
  });

  it("backs off, and never longer than five minutes", () => {
    fc.assert(
      fc.property(fc.constantFrom(...codes), fc.nat(40), (code, count) => {
        const generous = { crash: 100, memory: 100, environment: 100 };
        const counts = { [failureTable[code].class]: count };
        const move = nextMove(failure(code), counts, generous);
        if (move.kind === "retry") expect(move.delayMs).toBeLessThanOrEqual(300_000);
      }),
    );
    const first = nextMove(failure("TRAINER_CRASHED"), {}, budget);
    const second = nextMove(failure("TRAINER_CRASHED"), { crash: 1 }, budget);
    expect(first.kind === "retry" && second.kind === "retry" && second.delayMs > first.delayMs).toBe(true);
  });
});
