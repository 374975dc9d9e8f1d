import { join } from "node:path";
import { type TempAnnealHome, tempAnnealHome } from "@anneal/testing";
import { afterAll, beforeAll, test } from "vitest";
import { Cluster } from "./test-support/cluster.ts";
import { writeCountingRecipe } from "./test-support/counting-recipe.ts";
import { trainWithKills } from "./test-support/exactly-once.ts";
import { trainInWindows } from "./test-support/in-windows.ts";

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

test("killed while it trains, every record trains the weights of a checkpoint as often as its offsets say", async () => {
  await trainWithKills(cluster, { home: home.path, recipe, window: 50, killAt: [31, 77] });
});

test("in windows, killed within one and with a partition that is new, every record is evaluated, then trained once", async () => {
  await trainInWindows(cluster, { home: home.path, recipe, killAt: [13] });
});
