import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { BenchScope, rowsOf } from "./bench.ts";

const settings = {
  quick: false,
  rounds: null,
  models: null,
  workloads: null,
  article: false,
  peers: false,
  precision: "float32",
  log: () => {},
} as const;

describe("a bench's scope", () => {
  it("takes back what a bench made, the newest first, also when it fails", async () => {
    const order: string[] = [];
    let directory = "";
    const failing = async () => {
      await using scope = new BenchScope(settings);
      directory = scope.temporaryDirectory();
      writeFileSync(join(directory, "file"), "");
      scope.defer(() => void order.push("first"));
      scope.defer(async () => void order.push(`second, directory ${existsSync(directory)}`));
      throw new Error("measured nothing");
    };
    await expect(failing()).rejects.toThrow("measured nothing");
    expect(order).toEqual(["second, directory true", "first"]);
    expect(existsSync(directory)).toBe(false);
  });

  it("chooses sizes and rounds", () => {
    const quick = new BenchScope({ ...settings, quick: true });
    expect([quick.choose(1_000, 8), quick.rounds(5, 2)]).toEqual([8, 2]);
    expect(new BenchScope({ ...settings, quick: true, rounds: 9 }).rounds(5, 2)).toBe(9);
  });
});

describe("rows", () => {
  const what = { workload: "w", metric: "m", unit: "images/s" };

  it("compare by the median of the rounds' ratios, not by the ratio of medians", () => {
    const row = rowsOf("b").compared({ ...what, peer: "p", better: "higher" }, [100, 200, 300], [50, 200, 200]);
    expect(row).toMatchObject({ bench: "b", ...what, value: 200, peer: "p", ratio: 1.5 });
    expect(row.spread).toBeCloseTo(1 / 3);
  });

  it("have no ratio where there is no peer", () => {
    expect(rowsOf("b").measured(what, [3, 1, 2])).toMatchObject({ value: 2, peer: null, ratio: null, spread: 0.5 });
  });
});
