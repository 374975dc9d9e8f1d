import { waitFor } from "@anneal/testing";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openBrowser, openTab, textOf } from "./browser.ts";
import { Installation } from "./index.ts";

/** The Temporal UI in a real browser: a person understands a run without the code. */
let installation: Installation;
let browser: Browser;

beforeAll(async () => {
  installation = new Installation();
  await installation.json("up");
  browser = await openBrowser();
}, 120_000);

afterAll(async () => {
  await browser?.close();
  await installation?.close();
});

it("shows a run's segments, its search attributes and its current details", async () => {
  const run = await installation.train("smoke", "in-the-ui");
  const page = await browser.newPage({ viewport: { width: 1400, height: 1000 } });
  await page.goto(run.uiUrl);
  await page.getByText("steps 0-13, epoch 1/3").first().waitFor();
  await openTab(page, "Search Attributes");
  await page.getByText("AnnealBestMetric").first().waitFor();
  await openTab(page, "User Metadata");
  const hasDetails = async () => (await textOf(page)).includes("step 39 of 39");
  await waitFor(hasDetails, { timeoutMs: 20_000, everyMs: 200, what: "the current details" });
  const text = await textOf(page);
  for (const fact of ["smoke is completed", "loss", "accuracy", "last checkpoint"]) expect(text).toContain(fact);
}, 90_000);
