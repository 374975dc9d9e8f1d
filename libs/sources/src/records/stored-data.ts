import { randomUUID } from "node:crypto";
import { type FileHandle, mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { noteUse } from "../cache/uses.ts";
import { diskFull } from "../errors.ts";
import { isAlive } from "../files/processes.ts";
import type { SourceContext } from "../source.ts";

/** Its own file, written last: without it a directory is not whole. */
const metaFile = "meta.json";
const bufferBytes = 1 << 22;

/** Data that was converted once: files in a directory of the cache, and what is known about them. */
export interface StoredData<Meta> {
  readonly directory: string;
  readonly meta: Meta;
}

interface Stored<Meta> {
  readonly meta: Meta;
  /** Bytes of each file: what was cut off later shows. */
  readonly sizes: Readonly<Record<string, number>>;
}

/**
 * The data that `convert` makes of something with this digest: from `<cacheDirectory>/data/<digest>` if it is there, else made now.
 * `Meta` is plain JSON. It gets its name by a rename once it is whole; of two processes that make the same, one keeps its own. Throws
 * `DISK_FULL`.
 */
export async function storedData<Meta extends object>(
  digest: string,
  { cacheDirectory, signal }: SourceContext,
  convert: (files: StagedFiles) => Promise<Meta>,
): Promise<StoredData<Meta>> {
  const directory = join(cacheDirectory, "data", digest);
  await noteUse(cacheDirectory, directory);
  const found = await readStored<Meta>(directory);
  if (found !== null) return { directory, meta: found };
  await removeLeftovers(directory);
  const staging = `${directory}.${process.pid}-${randomUUID().slice(0, 8)}.tmp`;
  await mkdir(staging, { recursive: true });
  const files = new StagedFiles(staging);
  try {
    const meta = await convert(files);
    signal?.throwIfAborted();
    await files.finish(meta);
    // What lies there is no whole data: `readStored` has just said so.
    await rename(staging, directory).catch(async () => {
      const other = await readStored<Meta>(directory);
      if (other !== null) return;
      await rm(directory, { recursive: true, force: true });
      await rename(staging, directory);
    });
    return { directory, meta };
  } catch (cause) {
    throw diskFull(cacheDirectory, cause) ?? cause;
  } finally {
    await files.close();
    await rm(staging, { recursive: true, force: true });
  }
}

/** Removes what processes that died left of the same. */
async function removeLeftovers(directory: string): Promise<void> {
  const [parent, prefix] = [dirname(directory), `${basename(directory)}.`];
  for (const name of await readdir(parent).catch(() => [])) {
    const pid = name.startsWith(prefix) ? /^(\d+)-\w+\.tmp$/.exec(name.slice(prefix.length))?.[1] : undefined;
    if (pid !== undefined && !isAlive(Number(pid))) await rm(join(parent, name), { recursive: true, force: true });
  }
}

async function readStored<Meta>(directory: string): Promise<Meta | null> {
  try {
    const { meta, sizes } = JSON.parse(await readFile(join(directory, metaFile), "utf8")) as Stored<Meta>;
    for (const [name, size] of Object.entries(sizes)) {
      if ((await stat(join(directory, name))).size !== size) return null;
    }
    return meta;
  } catch {
    return null; // not there, or not whole: made anew
  }
}

/** The files of data that is being made. */
export class StagedFiles {
  readonly directory: string;
  readonly #files = new Map<string, StagedFile>();

  constructor(directory: string) {
    this.directory = directory;
  }

  async create(name: string): Promise<StagedFile> {
    const file = new StagedFile(await open(join(this.directory, name), "w"));
    this.#files.set(name, file);
    return file;
  }

  async finish(meta: object): Promise<void> {
    const sizes: Record<string, number> = {};
    for (const [name, file] of this.#files) sizes[name] = await file.finish();
    const stored = await open(join(this.directory, metaFile), "w");
    try {
      await stored.writeFile(JSON.stringify({ meta, sizes }));
      await stored.sync();
    } finally {
      await stored.close();
    }
  }

  async close(): Promise<void> {
    for (const file of this.#files.values()) await file.close();
  }
}

/** A file that is written from its start to its end. */
export class StagedFile {
  readonly #handle: FileHandle;
  readonly #buffer = new Uint8Array(bufferBytes);
  #buffered = 0;
  #written = 0;
  #isOpen = true;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  /** Bytes that were added. */
  get length(): number {
    return this.#written + this.#buffered;
  }

  /** Adds the bytes of an array, which may be used for others once the promise, if there is one, has come. */
  append(array: ArrayBufferView): void | Promise<void> {
    const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
    if (this.#buffered + bytes.length <= bufferBytes) {
      this.#buffer.set(bytes, this.#buffered);
      this.#buffered += bytes.length;
      return;
    }
    return this.#appendLarge(bytes);
  }

  async #appendLarge(bytes: Uint8Array): Promise<void> {
    await this.#flush();
    if (bytes.length > bufferBytes) await this.#write(bytes);
    else await this.append(bytes);
  }

  /** Everything is on the disk; its size in bytes. */
  async finish(): Promise<number> {
    await this.#flush();
    await this.#handle.sync();
    return this.#written;
  }

  async close(): Promise<void> {
    if (this.#isOpen) await this.#handle.close();
    this.#isOpen = false;
  }

  async #flush(): Promise<void> {
    await this.#write(this.#buffer.subarray(0, this.#buffered));
    this.#buffered = 0;
  }

  async #write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      const { bytesWritten } = await this.#handle.write(bytes, at, bytes.length - at);
      at += bytesWritten;
    }
    this.#written += bytes.length;
  }
}

type Numbers = Float64Array | Uint32Array | Int32Array | Float32Array;

/** Numbers that come one by one, in a file: they are kept until they are flushed. */
export class NumberWriter {
  readonly #file: StagedFile;
  #numbers: Numbers;
  #length = 0;

  /** `numbers` gives the format. */
  constructor(file: StagedFile, numbers: Numbers) {
    this.#file = file;
    this.#numbers = numbers;
  }

  push(value: number): void {
    if (this.#length === this.#numbers.length) this.#grow();
    this.#numbers[this.#length] = value;
    this.#length += 1;
  }

  async flush(): Promise<void> {
    await this.#file.append(this.#numbers.subarray(0, this.#length));
    this.#length = 0;
  }

  #grow(): void {
    const Format = this.#numbers.constructor as new (length: number) => Numbers;
    const numbers = new Format(2 * this.#length + 1024);
    numbers.set(this.#numbers);
    this.#numbers = numbers;
  }
}
