import { fileURLToPath } from "node:url";
import { openBrowser, openTab } from "./browser.ts";
import { Installation } from "./index.ts";

/** `pnpm screenshots`: makes the pictures in the docs anew, from a real run on a real server in a real browser. */
const folder = fileURLToPath(new URL("../../../docs/images/", import.meta.url));

const installation = new Installation();
const browser = await openBrowser();
try {
  await installation.json("up");
  const run = await installation.train("smoke", "a-first-run", "--epochs", "5", "--num-samples", "4000");
  const page = await browser.newPage({ viewport: { width: 1400, height: 1000 } });
  await page.goto(run.uiUrl);
  await page.getByText("epoch 1/5").first().waitFor();
  await page.waitForTimeout(1_500); // the timeline draws itself
  await page.screenshot({ path: `${folder}temporal-ui-timeline.png` });
  await openTab(page, "User Metadata");
  await page.waitForTimeout(3_000); // asks the worker for the current details
  await page.screenshot({ path: `${folder}temporal-ui-details.png` });
  process.stderr.write(`two pictures in ${folder}\n`);
} finally {
  await browser.close();
  await installation.close();
}
