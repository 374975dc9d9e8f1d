import { readFileSync } from "node:fs";

/** Text of a small file of the kernel; empty where it cannot be read. */
export function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** Bytes of a line such as `VmRSS:  1024 kB`; null where there is none. */
export function kibibyteField(text: string, name: string): number | null {
  const found = new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(text)?.[1];
  return found === undefined ? null : Number(found) * 1_024;
}
