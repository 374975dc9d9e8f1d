import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { cacheDirectory } from "@anneal/runtime";

/**
 * Path of a directory in the cache that `generate` fills, once. `name` tells everything that the content depends on: another
 * content, another name.
 */
export async function generated(name: string, generate: (directory: string) => Promise<void>): Promise<string> {
  const parent = join(cacheDirectory(), "bench-data");
  const path = join(parent, name);
  if (existsSync(path)) return path;
  await mkdir(parent, { recursive: true });
  const draft = await mkdtemp(join(parent, `.${name}-`));
  try {
    await generate(draft);
    await rename(draft, path);
  } catch (cause) {
    await rm(draft, { recursive: true, force: true });
    // Another bench may have been faster.
    if (!existsSync(path)) throw cause;
  }
  return path;
}
