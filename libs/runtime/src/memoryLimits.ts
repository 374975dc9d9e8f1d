import { join } from "node:path";
import type { GrantedMemory, MemoryReading } from "@anneal/contracts";
import { type MemoryGroups, memoryGroups } from "./controlGroups.ts";
import { kibibyteField, readText } from "./procFiles.ts";

/** The smallest of what the machine, the control groups (version 1 and 2) and the process's own limits leave to it. */
export function grantedMemory(root = "/"): GrantedMemory {
  const machine = meminfo(root, "MemTotal");
  const limits: readonly GrantedMemory[] = [
    ...(machine === null ? [] : [{ bytes: machine, source: "the machine" }]),
    ...groupLimits(root).map(({ limitBytes }) => ({ bytes: limitBytes, source: "its control group" })),
    ...leftByLimits(root),
  ];
  const smallest = limits.toSorted((a, b) => a.bytes - b.bytes)[0];
  // Not Linux: nothing says how much there is.
  return smallest ?? { bytes: Number.MAX_SAFE_INTEGER, source: "the machine" };
}

/** Some small files of the kernel, well under a millisecond. */
export function readMemory(root = "/"): MemoryReading {
  const fullest = groupLimits(root).toSorted((a, b) => b.usedBytes / b.limitBytes - a.usedBytes / a.limitBytes)[0];
  const totalBytes = meminfo(root, "MemTotal");
  const availableBytes = meminfo(root, "MemAvailable");
  return {
    rssBytes: status(root, "VmRSS") ?? process.memoryUsage.rss(),
    group: fullest === undefined ? null : { usedBytes: fullest.usedBytes, limitBytes: fullest.limitBytes },
    machine: totalBytes === null || availableBytes === null ? null : { availableBytes, totalBytes },
    stalledShare: stalledShare(root),
  };
}

/**
 * How many processes the kernel has killed for memory so far: in this process's control group, or on the whole machine where the
 * group does not tell; null where nothing does.
 */
export function readOomKills(root = "/"): number | null {
  const files = memoryGroups(root).flatMap(({ version, directories }) => {
    // Of its own group, or of the root where that is a container's whole hierarchy: those between count others' processes too.
    const name = version === 2 ? "memory.events" : "memory.oom_control";
    return [directories[0]!, directories.at(-1)!].map((directory) => join(directory, name));
  });
  for (const file of [...files, join(root, "proc/vmstat")]) {
    const count = /^oom_kill (\d+)$/m.exec(readText(file))?.[1];
    if (count !== undefined) return Number(count);
  }
  return null;
}

/** What a process has, and has of its limits; null once it is gone, or where there is no `/proc`. */
export interface ProcessMemory {
  readonly rssBytes: number;
  /** Of its address space (`ulimit -v`), at its largest, and of its data (`ulimit -d`); none where it has no such limit. */
  readonly limits: readonly { readonly usedBytes: number; readonly limitBytes: number }[];
}

export function readProcessMemory(pid: number, root = "/"): ProcessMemory | null {
  const rssBytes = status(root, "VmRSS", pid);
  if (rssBytes === null) return null;
  return {
    rssBytes,
    limits: processLimits.flatMap(({ limit, largest }) => {
      const limitBytes = processLimit(root, limit, pid);
      const usedBytes = status(root, largest, pid);
      return limitBytes === null || usedBytes === null ? [] : [{ usedBytes, limitBytes }];
    }),
  };
}

interface GroupLimit {
  readonly usedBytes: number;
  readonly limitBytes: number;
}

/** Every limit of a group that this process is in. Version 1 writes "none" as the largest multiple of a page. */
function groupLimits(root: string): readonly GroupLimit[] {
  return memoryGroups(root).flatMap(({ version, directories }) =>
    directories.flatMap((directory) => {
      const { limits, used, droppable } = groupFiles[version];
      const found = limits
        .map((name) => wholeNumber(readText(join(directory, name))))
        .filter((limit) => limit !== null);
      const limitBytes = Math.min(...found);
      const inUse = wholeNumber(readText(join(directory, used)));
      if (inUse === null || limitBytes > largestLimit) return [];
      const cached = Number(
        new RegExp(`^${droppable} (\\d+)$`, "m").exec(readText(join(directory, "memory.stat")))?.[1] ?? 0,
      );
      return [{ usedBytes: inUse - cached, limitBytes }];
    }),
  );
}

const groupFiles: Readonly<
  Record<
    MemoryGroups["version"],
    { readonly limits: readonly string[]; readonly used: string; readonly droppable: string }
  >
> = {
  // Above `memory.high` a group is slowed down to reclaim its memory: as good as a limit.
  2: { limits: ["memory.max", "memory.high"], used: "memory.current", droppable: "inactive_file" },
  1: { limits: ["memory.limit_in_bytes"], used: "memory.usage_in_bytes", droppable: "total_inactive_file" },
};

/** No machine has so much. */
const largestLimit = 2 ** 60;

/** A process's own limits: their names in `limits`, and in `status` what counts against them, now and at its largest. */
const processLimits = [
  { limit: "Max address space", size: "VmSize", largest: "VmPeak", source: "the limit of its address space" },
  { limit: "Max data size", size: "VmData", largest: "VmData", source: "the limit of its data" },
] as const;

/** What is left of a limit, and what is resident already: most of the rest is reserved and never used. */
function leftByLimits(root: string): readonly GrantedMemory[] {
  const resident = status(root, "VmRSS");
  return processLimits.flatMap(({ limit, size, source }) => {
    const limitBytes = processLimit(root, limit);
    const sizeBytes = status(root, size);
    if (limitBytes === null || sizeBytes === null || resident === null) return [];
    return [{ bytes: Math.max(0, limitBytes - sizeBytes + resident), source }];
  });
}

function processLimit(root: string, name: string, pid: number | "self" = "self"): number | null {
  return wholeNumber(new RegExp(`^${name} +(\\S+)`, "m").exec(readText(join(root, `proc/${pid}/limits`)))?.[1] ?? "");
}

function status(root: string, name: string, pid: number | "self" = "self"): number | null {
  return kibibyteField(readText(join(root, `proc/${pid}/status`)), name);
}

function meminfo(root: string, name: string): number | null {
  return kibibyteField(readText(join(root, "proc/meminfo")), name);
}

/** Null for `max` and `unlimited`. */
function wholeNumber(text: string): number | null {
  return /^\d+\s*$/.test(text) ? Number(text) : null;
}

function stalledShare(root: string): number | null {
  const ofGroups = memoryGroups(root)
    .filter(({ version }) => version === 2)
    .flatMap(({ directories }) => directories.map((directory) => join(directory, "memory.pressure")));
  for (const file of [...ofGroups, join(root, "proc/pressure/memory")]) {
    const percent = /^full avg10=(\d+(?:\.\d+)?)/m.exec(readText(file))?.[1];
    if (percent !== undefined) return Number(percent) / 100;
  }
  return null;
}
