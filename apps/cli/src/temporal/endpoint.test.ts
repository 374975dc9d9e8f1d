import { tempAnnealHome } from "@anneal/testing";
import { expect, test } from "vitest";
import { runAnneal } from "../test-support/run-anneal.ts";

test.each([{ TEMPORAL_ADDRESS: "http://x:y" }, { TEMPORAL_CONFIG_FILE: import.meta.filename }])(
  "%j is the person's mistake, not a defect",
  async (settings) => {
    using home = tempAnnealHome();
    const { exitCode, stderr } = await runAnneal(["status", "a"], { ...home.env, ...settings });
    expect(stderr).toMatch(/^error USAGE: /);
    expect(stderr).toMatch(/^→ .*TEMPORAL_ADDRESS/m);
    expect(exitCode).toBe(2);
  },
);
