import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Signature } from "@anneal/runtime";

/** A compiled program, as a run keeps it: what a session loads, how it is called, and for which variables. */
export interface StoredGraph {
  readonly savedModel: Uint8Array;
  readonly signatures: Readonly<Record<string, Signature>>;
  /** Shape of one sample's output. */
  readonly outputShape: readonly number[];
  /** Names of the variables, in the order in which the program loads and reads them. */
  readonly variables: readonly string[];
}

interface Description extends Omit<StoredGraph, "savedModel"> {
  /** Of the program's bytes, as hex. */
  readonly sha256: string;
}

/**
 * The program that was kept under a digest, or null where there is none that is whole: a run that goes on takes the graph it
 * began with, whatever the compiler would make of the recipe by now.
 */
export function readGraph(directory: string, digest: string): StoredGraph | null {
  try {
    const { sha256, ...description } = JSON.parse(
      readFileSync(paths(directory, digest).description, "utf8"),
    ) as Description;
    const savedModel = readFileSync(paths(directory, digest).program);
    return sha256 === hashOf(savedModel) ? { ...description, savedModel } : null;
  } catch {
    // Absent or damaged: it is compiled anew.
    return null;
  }
}

/** Keeps a program. The description comes last: without it there is none. */
export function writeGraph(directory: string, digest: string, { savedModel, ...rest }: StoredGraph): void {
  const { program, description } = paths(directory, digest);
  mkdirSync(directory, { recursive: true });
  replace(program, savedModel);
  replace(description, JSON.stringify({ ...rest, sha256: hashOf(savedModel) } satisfies Description));
}

function replace(path: string, content: Uint8Array | string): void {
  writeFileSync(`${path}.part`, content);
  renameSync(`${path}.part`, path);
}

function hashOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function paths(directory: string, digest: string) {
  return { program: join(directory, `${digest}.pb`), description: join(directory, `${digest}.json`) };
}
