import { availableParallelism } from "node:os";
import { AnnealError } from "@anneal/contracts";
import type { DuckDBConnection } from "@duckdb/node-api";
import { datasetCorrupt } from "../errors.ts";

/** What a query may keep in memory before it goes to disk. Each thread takes buffers of it. */
const memoryLimit = "1GB";
const maxThreads = 8;

/**
 * Works with a DuckDB of its own, in memory. It is loaded where a table is converted and nowhere else, and fetches nothing.
 *
 * @param temporaryDirectory where it puts what does not fit in memory
 */
export async function withDatabase<T>(
  temporaryDirectory: string,
  work: (connection: DuckDBConnection) => Promise<T>,
): Promise<T> {
  const { DuckDBInstance } = await import("@duckdb/node-api");
  const instance = await DuckDBInstance.create(":memory:", {
    autoinstall_known_extensions: "false",
    autoload_known_extensions: "false",
    memory_limit: memoryLimit,
    threads: String(Math.min(maxThreads, availableParallelism())),
    temp_directory: temporaryDirectory,
  });
  const connection = await instance.connect();
  try {
    return await work(connection);
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

/** What a query over a file gives; what DuckDB cannot read of it is `DATASET_CORRUPT`. */
export async function reading<T>(path: string, query: () => Promise<T>): Promise<T> {
  try {
    return await query();
  } catch (cause) {
    const message = (cause instanceof Error ? cause.message : String(cause)).split("\n", 1)[0]!;
    if (/^Out of Memory/i.test(message)) throw outOfMemory(path, message, cause);
    throw datasetCorrupt(path, "content", "a table that can be read", message);
  }
}

function outOfMemory(path: string, reason: string, cause: unknown): AnnealError {
  return new AnnealError(
    "OUT_OF_MEMORY",
    `${path} cannot be converted: ${reason}`,
    "Give the machine more memory or disk, or cut the file into several.",
    { path, reason },
    { cause },
  );
}

/** All rows of a short answer, each value as text. */
export async function rowsOf(connection: DuckDBConnection, sql: string): Promise<string[][]> {
  const reader = await connection.runAndReadAll(sql);
  return reader.getRows().map((row) => row.map((value) => (value === null ? "" : String(value))));
}

/** A text as an SQL literal. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** A name as SQL writes it. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A path as a literal that DuckDB takes for this file alone, whatever characters of patterns are in it. */
export function pathLiteral(path: string): string {
  return literal(path.replaceAll(/[[*?]/g, (character) => `[${character}]`));
}
