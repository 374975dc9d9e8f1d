import { AnnealError } from "@anneal/contracts";

const fullCodes = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);
const failedCodes = new Set(["EIO", "EROFS", "EACCES", "EPERM"]);

/** The file system's code of an error (`ENOENT`, …), or null. */
export function errnoOf(error: unknown): string | null {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return typeof code === "string" ? code : null;
}

/** What the disk threw while writing to `path`, as an error a person can act on; anything else as it is. */
export function explainDiskError(error: unknown, path: string): unknown {
  const code = errnoOf(error);
  if (error instanceof AnnealError || code === null) return error;
  if (fullCodes.has(code)) {
    return new AnnealError(
      "DISK_FULL",
      `No room to write ${path} (${code}).`,
      "Free space on that disk, raise the quota or set ANNEAL_HOME to a larger disk; then resume the run.",
      { path, errno: code },
      { cause: error },
    );
  }
  if (failedCodes.has(code)) {
    return new AnnealError(
      "DISK_FAILED",
      `The disk refused ${path} (${code}).`,
      "Check that the disk is sound and that this user may write there; then resume the run.",
      { path, errno: code },
      { cause: error },
    );
  }
  return error;
}
