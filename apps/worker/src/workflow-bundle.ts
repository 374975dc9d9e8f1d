import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundleWorkflowCode, type Logger } from "@temporalio/worker";

/** The workflow bundle's path: built once for each state of the sources that go into it, then reused. */
export async function workflowBundle(cacheDirectory: string, logger: Logger): Promise<string> {
  const workflowsPath = fileURLToPath(import.meta.resolve("@anneal/workflows"));
  const path = join(cacheDirectory, "workflow-bundles", `${sourcesDigest(workflowsPath)}.js`);
  if (existsSync(path)) return path;
  const { code } = await bundleWorkflowCode({ workflowsPath, logger });
  mkdirSync(dirname(path), { recursive: true });
  // Two workers may start at once: each writes its own file, and the rename makes one of the equal two the bundle.
  const temporary = `${path}.${process.pid}`;
  writeFileSync(temporary, code);
  renameSync(temporary, path);
  return path;
}

/** sha256 over everything that the bundle is made of: the pure packages' sources and the lock file (SDK, zod). */
function sourcesDigest(workflowsPath: string): string {
  const workflows = dirname(workflowsPath);
  const libs = dirname(dirname(workflows));
  const hash = createHash("sha256");
  const bundled = ["contracts", "policy", "report"].map((name) => join(libs, name, "src"));
  for (const directory of [workflows, ...bundled]) {
    for (const name of readdirSync(directory).sort()) {
      if (!name.endsWith(".ts") || name.endsWith(".test.ts")) continue;
      hash.update(`${name}\n`).update(readFileSync(join(directory, name)));
    }
  }
  hash.update(readFileSync(join(dirname(libs), "pnpm-lock.yaml")));
  return hash.digest("hex").slice(0, 24);
}
