import { expect, it } from "vitest";
import { runBench } from "./test-support/run-bench.ts";

it.each(["checkpoint", "feed", "orchestration", "start"])(
  "%s runs to its end, says only numbers, and leaves nothing behind",
  async (name) => {
    const { exitCode, stdout, stderr, leftovers } = await runBench(name, "--quick", "--rounds", "1", "--json");
    expect(exitCode, stderr).toBe(0);
    expect(leftovers).toEqual([]);
    const { rows } = JSON.parse(stdout);
    expect(rows.length).toBeGreaterThan(2);
    for (const row of rows) {
      expect(row).toMatchObject({ bench: name, value: expect.any(Number), unit: expect.any(String) });
    }
  },
  180_000,
);
