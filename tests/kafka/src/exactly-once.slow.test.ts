import { join } from "node:path";
import { seededRandom, type TempAnnealHome, tempAnnealHome } from "@anneal/testing";
import { afterAll, beforeAll, test, vi } from "vitest";
import { Cluster } from "./test-support/cluster.ts";
import { writeCountingRecipe } from "./test-support/counting-recipe.ts";
import { trainWithKills } from "./test-support/exactly-once.ts";

let cluster: Cluster;
let home: TempAnnealHome;
let recipe: string;
beforeAll(async () => {
  home = tempAnnealHome();
  recipe = writeCountingRecipe(join(home.path, "recipe"));
  cluster = await Cluster.start();
});
afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]();
  home[Symbol.dispose]();
});

vi.setConfig({ testTimeout: 300_000 });

test.each([{ window: 0 }, { window: 7 }, { window: 300 }])(
  "killed at any step, whatever the shuffle: $window",
  async ({ window }) => {
    const random = seededRandom(window + 1);
    const killAt = Array.from({ length: 6 }, () => random.int(1, 98)).sort((a, b) => a - b);
    await trainWithKills(cluster, { home: home.path, recipe, window, killAt });
  },
);
