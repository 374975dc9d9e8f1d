import chromiumPackage from "@sparticuz/chromium";
import { type Browser, chromium } from "playwright-core";
import { afterAll, beforeAll, it } from "vitest";
import { Installation } from "./index.ts";

/** The Temporal UI in a real browser: a person understands a run without the code. */
let installation: Installation;
let browser: Browser;

beforeAll(async () => {
  installation = new Installation();
  await installation.json("up");
  browser = await chromium.launch({
    executablePath: await chromiumPackage.executablePath(),
    args: chromiumPackage.args,
  });
}, 120_000);

afterAll(async () => {
  await browser?.close();
  await installation?.close();
});

it("shows a run's recipe, its segments and its current details", async () => {
  const run = await installation.train("smoke", "in-the-ui");
  const page = await browser.newPage({ viewport: { width: 1400, height: 1000 } });
  await page.goto(run.uiUrl);
  await page.getByText("in-the-ui").first().waitFor();
  await page.getByText("steps 0-13, epoch 1/3").first().waitFor();
  await page.getByText("Search Attributes", { exact: true }).first().click();
  await page.getByText("AnnealBestMetric").first().waitFor();
  await page.getByText("User Metadata", { exact: true }).first().click();
  await page.getByText("step 39 of 39").first().waitFor();
  await page.getByText("last checkpoint").first().waitFor();
}, 90_000);
