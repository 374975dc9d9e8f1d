import { readdirSync, readFileSync } from "node:fs";

/**
 * Memory of a living process and all that descend from it, in MiB: what several of them share counts once (proportional set size).
 * Linux only.
 */
export function treeMemoryMiB(pid: number): number {
  return treeOf(pid).reduce((sum, one) => sum + proportionalMiB(one), 0);
}

/** Watches the memory of a process tree from now on. */
export function watchTreeMemory(pid: number, everyMs = 250): { readonly peakMiB: () => number } & Disposable {
  let peakMiB = 0;
  const look = (): void => {
    peakMiB = Math.max(peakMiB, treeMemoryMiB(pid));
  };
  look();
  const timer = setInterval(look, everyMs);
  return {
    peakMiB: () => {
      look();
      return peakMiB;
    },
    [Symbol.dispose]: () => clearInterval(timer),
  };
}

function treeOf(pid: number): number[] {
  const childrenOf = new Map<number, number[]>();
  for (const name of readdirSync("/proc")) {
    const parent = /^[0-9]+$/.test(name) ? parentOf(name) : null;
    if (parent !== null) childrenOf.set(parent, [...(childrenOf.get(parent) ?? []), Number(name)]);
  }
  const tree = [pid];
  for (const one of tree) tree.push(...(childrenOf.get(one) ?? []));
  return tree;
}

function parentOf(pid: string): number | null {
  const stat = readOrNothing(`/proc/${pid}/stat`);
  // The name, in parentheses, may hold anything. After it: state, then the parent.
  return stat === "" ? null : Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
}

function proportionalMiB(pid: number): number {
  const kilobytes = /^Pss:\s+(\d+) kB$/m.exec(readOrNothing(`/proc/${pid}/smaps_rollup`))?.[1];
  return Number(kilobytes ?? 0) / 1_024;
}

/** A process may have ended since it was listed. */
function readOrNothing(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}
