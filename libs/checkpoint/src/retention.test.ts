import { readdirSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { selectKept } from "./retention.ts";
import { openCheckpointStore } from "./store.ts";
import { makeContents } from "./test-support/contents.ts";
import { stepsOf, tempRunWith } from "./test-support/temp-run.ts";

const arbitraryRun = fc.record({
  values: fc.array(fc.option(fc.integer({ min: -5, max: 5 })), { minLength: 1, maxLength: 12 }),
  direction: fc.constantFrom("minimize" as const, "maximize" as const),
  keepLast: fc.integer({ min: 1, max: 5 }),
  keepBest: fc.nat({ max: 4 }),
});

describe("retention", () => {
  it("keeps the last and the best, and nothing else", () => {
    fc.assert(
      fc.property(arbitraryRun, ({ values, direction, keepLast, keepBest }) => {
        const entries = values
          .map((value, step) => ({ step, manifest: { monitor: { metric: "m", direction, value } } }))
          .reverse() as unknown as Parameters<typeof selectKept>[0][number][];
        const kept = selectKept(entries, { keepLast, keepBest });
        const last = entries.slice(0, keepLast);
        for (const entry of last) expect(kept.has(entry)).toBe(true);
        expect(kept.size).toBeLessThanOrEqual(keepLast + keepBest);

        const scoreOf = (entry: (typeof entries)[number]) => entry.manifest.monitor.value;
        const isBetter = (a: number, b: number) => (direction === "maximize" ? a > b : a < b);
        const valued = entries.filter((entry) => scoreOf(entry) !== null);
        const best = [...kept].filter((entry) => scoreOf(entry) !== null);
        // No removed checkpoint beats, or came first among equals of, more than the kept best allow.
        for (const entry of entries.filter((candidate) => !kept.has(candidate) && scoreOf(candidate) !== null)) {
          const ahead = best.filter(
            (other) =>
              isBetter(scoreOf(other) as number, scoreOf(entry) as number) ||
              (scoreOf(other) === scoreOf(entry) && other.step < entry.step),
          );
          expect(ahead.length).toBeGreaterThanOrEqual(keepBest);
        }
        if (keepBest > 0 && valued.length > 0) expect(best.length).toBeGreaterThan(0);
      }),
    );
  });

  it("does on disk what it decided, and keeps the best over many rounds", async () => {
    const value = [0.5, 0.9, null, 0.7, 0.95, 0.6, null, 0.8];
    using run = await tempRunWith();
    for (const [step, each] of value.entries()) {
      await run.store.commit(1, makeContents({ step, value: each }));
      await run.store.retain(1, { keepLast: 2, keepBest: 2 });
    }
    expect(await stepsOf(run.store)).toEqual([7, 6, 4, 1]);
    expect(readdirSync(join(run.directory, "checkpoints"))).toHaveLength(4);
    expect(readdirSync(join(run.directory, "staging", "attempt-1"))).toEqual([]);
  });

  it("lets step 0 go once there are others, and never the only one", async () => {
    using run = await tempRunWith({ step: 0 });
    const policy = { keepLast: 1, keepBest: 0 };
    expect(await run.store.retain(1, policy)).toMatchObject({ kept: [{ step: 0 }], removed: [] });
    await run.store.commit(1, makeContents({ step: 1 }));
    expect(await run.store.retain(1, policy)).toMatchObject({ kept: [{ step: 1 }], removed: [{ step: 0 }] });
    expect(await run.store.retain(1, { keepLast: 0, keepBest: 0 })).toMatchObject({ kept: [{ step: 1 }], removed: [] });
  });

  it("never removes the newest sound one, though newer ones are damaged", async () => {
    using run = await tempRunWith({ step: 1 }, { step: 2 }, { step: 3 });
    const [newest] = await run.store.list();
    truncateSync(join(newest?.path ?? "", "model.safetensors"), 100);
    // As a new process does: this one wrote the file and has no reason to doubt it.
    const store = openCheckpointStore(run.directory);
    await store.acquire(2);
    await store.retain(2, { keepLast: 1, keepBest: 0 });
    expect(await stepsOf(store)).toEqual([3, 2]);
    expect((await store.loadLatest())?.checkpoint.step).toBe(2);
  });

  it("leaves what it cannot read, and works without an attempt on a run at rest", async () => {
    using run = await tempRunWith({ step: 1 }, { step: 2 }, { step: 3 });
    const [, second] = await run.store.list();
    writeFileSync(join(second?.path ?? "", "manifest.json"), "garbage");
    expect(await run.store.retain(null, { keepLast: 1, keepBest: 0 })).toMatchObject({ removed: [{ step: 1 }] });
    expect(readdirSync(join(run.directory, "checkpoints"))).toHaveLength(2);
    expect(readdirSync(join(run.directory, "staging"))).toEqual(["attempt-1"]);
  });
});
