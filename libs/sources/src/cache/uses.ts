import { mkdir, readdir, readFile, rm, rmdir, stat, utimes, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";

/**
 * Who uses what of the cache, and who did so last: an empty file for each process, `<cache>/uses/<entry>/<pid>-<start>`. It is in force
 * as long as that very process lives; its time is that of the last use. (Times of the entries themselves are no help: those of files are
 * part of what their hashes are remembered by, and not every file system writes down when a file was read.)
 */
const folder = "uses";

export interface Uses {
  /** Milliseconds since 1970; null where no process ever said that it used it. */
  readonly lastUsedAt: number | null;
  readonly isInUse: boolean;
}

/** Says that this process uses an entry from now on. A cache that cannot be written is used all the same. */
export async function noteUse(cacheDirectory: string, path: string): Promise<void> {
  const directory = usesOf(cacheDirectory, path);
  // Once more where the folder was just taken away with an entry that is gone.
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      await mkdir(directory, { recursive: true });
      const mark = join(directory, await identityOf(process.pid));
      await writeFile(mark, "");
      await utimes(mark, new Date(), new Date());
      // This use is the last one now: nobody needs those before.
      await removeEnded(directory);
      return;
    } catch {}
  }
}

export async function readUses(cacheDirectory: string, path: string): Promise<Uses> {
  const directory = usesOf(cacheDirectory, path);
  let lastUsedAt: number | null = null;
  let isInUse = false;
  for (const name of await readdir(directory).catch(() => [])) {
    const stats = await stat(join(directory, name)).catch(() => null);
    if (stats !== null) lastUsedAt = Math.max(lastUsedAt ?? 0, stats.mtimeMs);
    isInUse ||= await isInForce(name);
  }
  return { lastUsedAt, isInUse };
}

/** Forgets the uses of an entry that is gone, but for those in force. */
export async function forgetUses(cacheDirectory: string, path: string): Promise<void> {
  const directory = usesOf(cacheDirectory, path);
  await removeEnded(directory);
  await rmdir(directory).catch(() => {});
}

async function removeEnded(directory: string): Promise<void> {
  for (const name of await readdir(directory).catch(() => [])) {
    if (!(await isInForce(name))) await rm(join(directory, name), { force: true });
  }
}

function usesOf(cacheDirectory: string, path: string): string {
  return join(cacheDirectory, folder, relative(cacheDirectory, path));
}

async function isInForce(mark: string): Promise<boolean> {
  const pid = Number(/^(\d+)-/.exec(mark)?.[1] ?? Number.NaN);
  return (await identityOf(pid).catch(() => null)) === mark;
}

/** A number is given to one process after another; with the time of its start (field 22, in clock ticks) it is one process's own. */
async function identityOf(pid: number): Promise<string> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8");
  // The name, in parentheses, may hold anything.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return `${pid}-${fields[19]}`;
}
