import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

export interface TempFolder extends Disposable {
  readonly path: string;
  /** Writes a file, its folders too, and returns its absolute path. */
  write(name: string, content: string | Uint8Array): string;
}

/** A folder of one test's own, outside the repository: `using folder = tempFolder()` removes it at the end. */
export function tempFolder(): TempFolder {
  const path = mkdtempSync(join(tmpdir(), "anneal-recipe-"));
  return {
    path,
    write(name, content) {
      const file = join(path, name);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, content);
      return file;
    },
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 }),
  };
}
