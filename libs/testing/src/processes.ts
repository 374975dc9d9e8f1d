import { readdirSync, readFileSync } from "node:fs";

/** Whether a process exists and has not ended; a zombie, which only waits to be reaped, has. */
export function processAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
  const status = statusOf(pid);
  return status === null || status.state !== "Z";
}

/**
 * Sends a signal to a process and all that descend from it, parents first so that none can start another after its turn.
 * Returns the pids it reached. Linux only (`/proc`), and never this process.
 */
export function killTree(pid: number, signal: NodeJS.Signals = "SIGKILL"): readonly number[] {
  const reached: number[] = [];
  for (const target of [pid, ...descendantsOf(pid)]) {
    if (target === process.pid) continue;
    try {
      process.kill(target, signal);
      reached.push(target);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }
  return reached;
}

/** Pids of all that descend from a process, parents before children. */
export function descendantsOf(pid: number): readonly number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync("/proc")) {
    const status = /^[0-9]+$/.test(name) ? statusOf(Number(name)) : null;
    if (status === null) continue;
    const siblings = children.get(status.parent);
    if (siblings === undefined) children.set(status.parent, [Number(name)]);
    else siblings.push(Number(name));
  }
  const found: number[] = [];
  for (const pending = [pid]; pending.length > 0; ) {
    const next = children.get(pending.shift() as number) ?? [];
    found.push(...next);
    pending.push(...next);
  }
  return found;
}

function statusOf(pid: number): { readonly state: string; readonly parent: number } | null {
  try {
    // pid (name) state parent …, and the name may hold anything, parentheses too.
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return state === undefined || parent === undefined ? null : { state, parent: Number(parent) };
  } catch {
    return null;
  }
}
