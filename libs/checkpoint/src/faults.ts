import { closeSync, mkdirSync, openSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { AnnealError } from "@anneal/contracts";

/** The places of a checkpoint's life at which tests may kill the process or make the disk fail, in order. */
export const checkpointFaultPoints = [
  "acquire-started",
  "acquire-created",
  "acquire-fenced",
  "commit-started",
  "commit-staging-created",
  "commit-model-half-written",
  "commit-model-written",
  "commit-optimizer-half-written",
  "commit-optimizer-written",
  "commit-manifest-half-written",
  "commit-manifest-written",
  "commit-before-rename",
  "commit-renamed",
  "commit-synced",
  "retain-started",
  "retain-moved",
  "retain-deleted",
] as const;
export type CheckpointFaultPoint = (typeof checkpointFaultPoints)[number];

const faultKinds = ["kill", "ENOSPC", "EIO"] as const;
type FaultKind = (typeof faultKinds)[number];

interface Fault {
  readonly name: string;
  /** Fires at this hit of the point, counted from 1. */
  readonly hit: number;
  readonly kind: FaultKind;
}

export type FaultHandler = (name: string) => void | Promise<void>;

const faults = parseFaults(process.env.ANNEAL_FAULT ?? "");
const onceDirectory = process.env.ANNEAL_FAULT_ONCE_DIR;
const numHits = new Map<string, number>();
let handler: FaultHandler | null = null;

/**
 * Does nothing, unless this process was started with `ANNEAL_FAULT=<name>[@hit]:<kill|ENOSPC|EIO>[,…]`: then the n-th
 * hit of the point kills the process (SIGKILL) or throws the disk's error. A restarted process inherits the variable;
 * with `ANNEAL_FAULT_ONCE_DIR` each fault fires once among all processes that share that directory.
 */
export async function faultPoint(name: CheckpointFaultPoint | (string & {})): Promise<void> {
  if (handler !== null) await handler(name);
  if (faults.length === 0) return;
  const hit = (numHits.get(name) ?? 0) + 1;
  numHits.set(name, hit);
  for (const fault of faults) {
    if (fault.name === name && fault.hit === hit && mayFire(fault)) await fire(fault);
  }
}

/** For tests in this process: `next` runs at every point, and may wait or throw. Returns what takes it away again. */
export function interceptFaultPoints(next: FaultHandler): () => void {
  handler = next;
  return () => {
    if (handler === next) handler = null;
  };
}

/** An error as the file system would throw it. */
export function diskError(code: "ENOSPC" | "EIO"): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: injected by a fault point`), { code });
}

export function parseFaults(text: string): readonly Fault[] {
  return text
    .split(",")
    .filter((part) => part.trim() !== "")
    .map((part) => {
      const match = /^([a-z0-9-]+)(?:@([1-9][0-9]*))?:([A-Za-z]+)$/.exec(part.trim());
      const kind = faultKinds.find((known) => known === match?.[3]);
      if (match?.[1] === undefined || kind === undefined) throw malformed(part);
      return { name: match[1], hit: Number(match[2] ?? 1), kind };
    });
}

function mayFire({ name, hit, kind }: Fault): boolean {
  if (onceDirectory === undefined) return true;
  mkdirSync(onceDirectory, { recursive: true });
  try {
    closeSync(openSync(join(onceDirectory, `${name}@${hit}-${kind}`), "wx"));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

async function fire({ kind }: Fault): Promise<void> {
  if (kind !== "kill") throw diskError(kind);
  process.kill(process.pid, "SIGKILL");
  // The signal is delivered while we wait: nothing after the point may run.
  await sleep(60_000);
}

function malformed(part: string): AnnealError {
  return new AnnealError(
    "USAGE",
    `ANNEAL_FAULT holds "${part}".`,
    "Write <point>[@hit]:<kill|ENOSPC|EIO>, separated by commas, or unset it.",
    { fault: part },
  );
}
