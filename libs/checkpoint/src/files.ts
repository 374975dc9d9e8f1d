import { createHash, randomBytes } from "node:crypto";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";

/**
 * Bytes hashed and written at a time. Hashing runs on the calling thread: at 1 MiB it takes it 1-3 ms, and every write
 * in between lets the event loop turn.
 */
const chunkBytes = 1 << 20;

export interface FileSummary {
  readonly numBytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
}

/**
 * Writes a new file from `parts`, hashing on the way, and fsyncs it. Never holds more than one chunk beside the parts.
 * `halfway` runs once when half of the bytes are in the file.
 */
export async function writeHashedFile(
  path: string,
  parts: readonly Uint8Array[],
  halfway: () => Promise<void> = async () => {},
): Promise<FileSummary> {
  const numBytes = parts.reduce((sum, part) => sum + part.byteLength, 0);
  const hash = createHash("sha256");
  const file = await open(path, "wx");
  try {
    let written = 0;
    let passedHalf = false;
    for (const chunk of chunksOf(parts, Math.min(chunkBytes, Math.max(1, Math.ceil(numBytes / 2))))) {
      if (!passedHalf && written * 2 >= numBytes) {
        passedHalf = true;
        await halfway();
      }
      const writing = writeFully(file, chunk);
      // Hashed while the thread pool writes; the handler keeps a failed write from surfacing before it is awaited.
      writing.catch(() => {});
      hash.update(chunk);
      await writing;
      written += chunk.byteLength;
    }
    await file.datasync();
    return { numBytes, sha256: hash.digest("hex") };
  } finally {
    await file.close();
  }
}

/** Reads and hashes a file of exactly `numBytes` bytes into memory of its own; null when it is shorter or longer. */
export async function readHashedFile(
  path: string,
  numBytes: number,
): Promise<{ readonly bytes: Uint8Array; readonly sha256: string } | null> {
  const file = await open(path, "r");
  try {
    if ((await file.stat()).size !== numBytes) return null;
    // A buffer of its own, not a slice of Node's pool: tensors are views into it and need its alignment.
    const bytes = new Uint8Array(numBytes);
    const hash = createHash("sha256");
    for (let at = 0; at < numBytes; ) {
      const { bytesRead } = await file.read(bytes, at, Math.min(chunkBytes, numBytes - at), at);
      if (bytesRead === 0) return null;
      hash.update(bytes.subarray(at, at + bytesRead));
      at += bytesRead;
    }
    return { bytes, sha256: hash.digest("hex") };
  } finally {
    await file.close();
  }
}

/** Makes renames, creations and removals in a directory durable. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** Replaces a file so that readers, and a crash at any moment, see the old content or the new, never a part. */
export async function writeFileAtomic(path: string, content: string | Uint8Array): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString("hex")}.tmp`;
  try {
    await writeHashedFile(temporary, [typeof content === "string" ? new TextEncoder().encode(content) : content]);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncDirectory(dirname(path));
}

/** The parts' bytes cut into pieces of `size`, copied into one buffer that is reused: consume each before the next. */
function* chunksOf(parts: readonly Uint8Array[], size: number): Generator<Uint8Array> {
  const buffer = new Uint8Array(size);
  let filled = 0;
  for (const part of parts) {
    for (let at = 0; at < part.byteLength; ) {
      const piece = part.subarray(at, at + size - filled);
      buffer.set(piece, filled);
      filled += piece.byteLength;
      at += piece.byteLength;
      if (filled === size) {
        yield buffer;
        filled = 0;
      }
    }
  }
  if (filled > 0) yield buffer.subarray(0, filled);
}

/** A short write is no error to the file system: the rest meets the full disk and throws. */
async function writeFully(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.byteLength; ) {
    const { bytesWritten } = await file.write(bytes, at, bytes.byteLength - at);
    at += bytesWritten;
  }
}
