import chromiumPackage from "@sparticuz/chromium";
import { type Browser, chromium, type Page } from "playwright-core";

/** A real, headless Chromium: the one that comes as a package, pinned by the lock file. */
export async function openBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: await chromiumPackage.executablePath(), args: chromiumPackage.args });
}

/** Opens a tab of the Temporal UI's page of a run. */
export async function openTab(page: Page, tab: "Timeline" | "Search Attributes" | "User Metadata"): Promise<void> {
  await page.getByText(tab, { exact: true }).first().click();
}

/** The text of a page with its frames: the UI renders a workflow's Markdown in frames of their own. */
export async function textOf(page: Page): Promise<string> {
  const texts = await Promise.all(page.frames().map((frame) => frame.locator("body").textContent()));
  return texts.join("\n");
}
