import { expect, test } from "vitest";
import { type Trainer, TrainerPool } from "./trainer-pool.ts";

/** A pool of trainers that do nothing, and what the runs in line were told last. */
function poolOf(capacity: number) {
  const told = new Map<string, string>();
  const started: string[] = [];
  const trainers = new Map<string, Trainer>();
  const pool = new TrainerPool(capacity, async (runId) => {
    started.push(runId);
    const { promise: exited, resolve } = Promise.withResolvers<void>();
    const trainer = { alive: true, exited, close: async () => resolve() } as unknown as Trainer;
    trainers.set(runId, trainer);
    return trainer;
  });
  const acquire = (runId: string, exclusive = false, signal = new AbortController().signal, renew = false) =>
    pool.acquire(runId, signal, {
      exclusive,
      renew,
      onPosition: (running, position) => told.set(runId, `${position} after ${running.join("+")}`),
    });
  const end = async (runId: string) => {
    await trainers.get(runId)!.close();
    await new Promise(setImmediate);
  };
  return { acquire, end, started, told };
}

test("a run that must be alone waits until it is, and everybody after it until it has ended", async () => {
  const { acquire, end, started, told } = poolOf(3);
  await acquire("a");
  await acquire("b");
  const timed = acquire("timed", true);
  const late = acquire("late");
  expect(Object.fromEntries(told)).toEqual({ timed: "1 after a+b", late: "2 after a+b" });
  await end("a");
  expect(started).toEqual(["a", "b"]);
  await end("b");
  await timed;
  expect(started).toEqual(["a", "b", "timed"]);
  expect(told.get("late")).toBe("1 after timed");
  await end("timed");
  await late;
  expect(started).toEqual(["a", "b", "timed", "late"]);
});

test("whoever stood behind one that gave up starts at once", async () => {
  const { acquire, started } = poolOf(2);
  await acquire("a");
  const giveUp = new AbortController();
  const timed = acquire("timed", true, giveUp.signal);
  const late = acquire("late");
  giveUp.abort(new Error("cancelled"));
  await expect(timed).rejects.toThrow("cancelled");
  await late;
  expect(started).toEqual(["a", "late"]);
});

test("a run that gets a new trainer keeps its place, and gives it back when it gives up meanwhile", async () => {
  const { acquire, end, started } = poolOf(1);
  const first = await acquire("a");
  const late = acquire("late");
  const signal = new AbortController();
  expect(await acquire("a", false, signal.signal, true)).not.toBe(first);
  expect(started).toEqual(["a", "a"]);
  signal.abort(new Error("cancelled"));
  await expect(acquire("a", false, signal.signal, true)).rejects.toThrow("cancelled");
  await late;
  await end("late");
  expect(started).toEqual(["a", "a", "late"]);
});
