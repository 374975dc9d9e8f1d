import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface TempAnnealHome extends Disposable {
  readonly path: string;
  /** For the environment of child processes. */
  readonly env: { readonly ANNEAL_HOME: string };
}

/** A directory of one test's own to use as `ANNEAL_HOME`: `using home = tempAnnealHome()` removes it at the end. */
export function tempAnnealHome(): TempAnnealHome {
  const path = mkdtempSync(join(tmpdir(), "anneal-home-"));
  return {
    path,
    env: { ANNEAL_HOME: path },
    // A process that was just killed may still be closing files in there.
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 }),
  };
}
