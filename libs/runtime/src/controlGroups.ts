import { dirname, join } from "node:path";
import { readText } from "./procFiles.ts";

/** The control groups (cgroups) that account for this process's memory: folders from its own up to the hierarchy's root. */
export interface MemoryGroups {
  readonly version: 1 | 2;
  /** Narrowest first. Within a container some may not be there: the path may be the host's, while the files are at the root. */
  readonly directories: readonly string[];
}

/**
 * The memory hierarchies of this process, version 2 first; empty where the kernel has none.
 *
 * @param root of the file system, for tests
 */
export function memoryGroups(root = "/"): readonly MemoryGroups[] {
  const lines = readText(join(root, "proc/self/cgroup")).split("\n");
  const ownPath = (isWanted: (controllers: string) => boolean): string | undefined =>
    lines.map((line) => /^\d+:([^:]*):(\/.*)$/.exec(line)).find((found) => found && isWanted(found[1]!))?.[2];
  const unified = ownPath((controllers) => controllers === "");
  const memory = ownPath((controllers) => controllers.split(",").includes("memory"));
  const mounted = (path: string) => join(root, "sys/fs/cgroup", path);
  return [
    ...(unified === undefined ? [] : [{ version: 2 as const, directories: upwards(mounted(""), unified) }]),
    ...(memory === undefined ? [] : [{ version: 1 as const, directories: upwards(mounted("memory"), memory) }]),
  ];
}

function upwards(mount: string, path: string): readonly string[] {
  const directories: string[] = [];
  for (let at = path; at !== "/"; at = dirname(at)) directories.push(join(mount, at));
  return [...directories, mount];
}
