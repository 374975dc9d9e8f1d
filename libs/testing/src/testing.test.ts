import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { tempAnnealHome } from "./anneal-home.ts";
import { descendantsOf, killTree, processAlive } from "./processes.ts";
import { killMoments, seededRandom } from "./seeded-random.ts";
import { waitFor } from "./wait-for.ts";

describe("testing helpers", () => {
  it("kill a process with its children and grandchildren", async () => {
    const child = spawn("bash", ["-c", "bash -c 'sleep 60 & wait' & sleep 60 & wait"], { stdio: "ignore" });
    const exited = once(child, "exit");
    const pid = child.pid ?? 0;
    await waitFor(() => descendantsOf(pid).length === 3, { what: "three descendants" });
    const family = [pid, ...descendantsOf(pid)];
    expect(family.every(processAlive)).toBe(true);
    expect(killTree(pid)).toEqual(family);
    await exited;
    await waitFor(() => !family.some(processAlive), { what: "the family's end" });
    expect(killTree(pid)).toEqual([]);
  });

  it("wait for a value, and say what they waited for", async () => {
    let numCalls = 0;
    expect(await waitFor(() => ++numCalls === 3 && "there", { everyMs: 1 })).toBe("there");
    const failing = waitFor(() => Promise.reject(new Error("not yet")), { timeoutMs: 5, everyMs: 1, what: "the moon" });
    await expect(failing).rejects.toThrow(/the moon.*not yet/);
  });

  it("remove a temporary home at the end of its scope", () => {
    let path: string;
    {
      using home = tempAnnealHome();
      path = home.path;
      expect(home.env.ANNEAL_HOME).toBe(path);
      writeFileSync(join(path, "up.json"), "{}");
    }
    expect(existsSync(path)).toBe(false);
  });

  it("draw the same numbers for the same seed, within bounds", () => {
    const draw = (seed: number) =>
      Array.from(
        { length: 50 },
        (
          (random) => () =>
            random.int(3, 5)
        )(seededRandom(seed)),
      );
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
    expect(new Set(draw(1))).toEqual(new Set([3, 4, 5]));
    const moments = killMoments(9, 20, 1_000);
    expect(moments).toEqual(killMoments(9, 20, 1_000));
    expect(moments).toEqual([...moments].sort((a, b) => a - b));
    expect(moments.every((moment) => moment >= 0 && moment < 1_000)).toBe(true);
  });
});
