import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

/**
 * A process that can be told from a later one with the same number: pids are reused, the pair of pid and start time
 * (clock ticks since boot, field 22 of `/proc/<pid>/stat`) is not.
 */
export interface ProcessIdentity {
  readonly pid: number;
  readonly startTicks: number;
}

interface ProcessStat extends ProcessIdentity {
  readonly parent: number;
  readonly state: string;
}

/** The identity of a living process, or null. A zombie is dead: it only waits to be reaped. */
export function identify(pid: number): ProcessIdentity | null {
  const stat = readStat(pid);
  return stat === null || stat.state === "Z" ? null : { pid, startTicks: stat.startTicks };
}

export function isAlive(identity: ProcessIdentity): boolean {
  return identify(identity.pid)?.startTicks === identity.startTicks;
}

/** Sends a signal to this very process. False if it is gone. */
export function signalProcess(identity: ProcessIdentity, signal: NodeJS.Signals): boolean {
  if (!isAlive(identity)) return false;
  try {
    return process.kill(identity.pid, signal);
  } catch {
    return false; // it ended in between
  }
}

/** Waits until the process is gone; false if it still lives after `timeoutMs`. */
export async function waitForEnd(identity: ProcessIdentity, timeoutMs: number): Promise<boolean> {
  const deadline = Date.now() + timeoutMs;
  while (isAlive(identity)) {
    if (Date.now() >= deadline) return false;
    await delay(25);
  }
  return true;
}

/**
 * Ends a process and what it started: SIGTERM, `graceMs` to obey, SIGKILL. Descendants get a second more to end by
 * themselves, since a trainer does so when its worker is gone.
 */
export async function endProcess(identity: ProcessIdentity, graceMs: number): Promise<void> {
  const children = descendants(identity.pid);
  signalProcess(identity, "SIGTERM");
  if (!(await waitForEnd(identity, graceMs))) {
    children.push(...descendants(identity.pid));
    signalProcess(identity, "SIGKILL");
    await waitForEnd(identity, 5_000);
  }
  for (const child of children) {
    if (await waitForEnd(child, 1_500)) continue;
    signalProcess(child, "SIGKILL");
    await waitForEnd(child, 5_000);
  }
}

/** Every living process below `pid`, children before grandchildren. */
export function descendants(pid: number): ProcessIdentity[] {
  const byParent = Map.groupBy(allStats(), (stat) => stat.parent);
  const found: ProcessIdentity[] = [];
  const queue = [pid];
  for (let parent = queue.shift(); parent !== undefined; parent = queue.shift()) {
    for (const child of byParent.get(parent) ?? []) {
      if (child.state === "Z") continue;
      found.push({ pid: child.pid, startTicks: child.startTicks });
      queue.push(child.pid);
    }
  }
  return found;
}

/** Living processes that have all of `wanted` among the arguments of their command line. */
export function findByArguments(...wanted: readonly string[]): ProcessIdentity[] {
  const matches = (pid: number): boolean => {
    const given = readText(`/proc/${pid}/cmdline`)?.split("\0") ?? [];
    return wanted.every((argument) => given.includes(argument));
  };
  return allStats()
    .filter(({ pid, state }) => state !== "Z" && matches(pid))
    .map(({ pid, startTicks }) => ({ pid, startTicks }));
}

/** Changes with every boot of the machine: start times of another boot say nothing. */
export function bootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
}

function allStats(): ProcessStat[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((name) => readStat(Number(name)))
    .filter((stat) => stat !== null);
}

function readStat(pid: number): ProcessStat | null {
  const text = readText(`/proc/${pid}/stat`);
  if (text === null) return null;
  // The command's name is in parentheses and may hold anything, so fields are counted from the last one.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [state, parent] = fields;
  return { pid, state: state ?? "", parent: Number(parent), startTicks: Number(fields[19]) };
}

/** A file of `/proc`, or null when its process is gone. */
function readText(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}
