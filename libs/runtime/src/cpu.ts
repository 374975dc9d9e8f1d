import { readdirSync } from "node:fs";
import { join } from "node:path";
import { readText } from "./procFiles.ts";

/** What of a processor decides which kernels run and how they cut their work. */
export interface Cpu {
  readonly model: string;
  /** Instruction-set extensions present, out of `relevantExtensions`, in that order. */
  readonly extensions: readonly string[];
  /** Cache sizes in bytes by level, e.g. `{ L1d: 32768, L2: 1048576 }`: Eigen and oneDNN block by them. */
  readonly cacheBytes: Readonly<Record<string, number>>;
}

/** Names as in /proc/cpuinfo: for x64 first, then for arm64. */
const relevantExtensions = [
  "avx",
  "avx2",
  "fma",
  "f16c",
  "avx_vnni",
  "avx512f",
  "avx512dq",
  "avx512bw",
  "avx512vl",
  "avx512_vnni",
  "avx512_bf16",
  "avx512_fp16",
  "amx_tile",
  "amx_int8",
  "amx_bf16",
  "amx_fp16",
  "asimd",
  "asimdhp",
  "asimddp",
  "sve",
  "sve2",
  "bf16",
  "i8mm",
] as const;

/** The processor of this machine, from Linux's /proc and /sys. Fields that they lack (arm64 names no model) are empty. */
export function readCpu(
  cpuinfo = readText("/proc/cpuinfo"),
  cacheDirectory = "/sys/devices/system/cpu/cpu0/cache",
): Cpu {
  const field = (name: string) => cpuinfo.match(new RegExp(`^${name}\\s*: (.*)$`, "m"))?.[1]?.trim();
  const present = new Set((field("flags") ?? field("Features") ?? "").split(" "));
  const armModel = ["CPU implementer", "CPU part", "CPU variant"]
    .map((name) => field(name) ?? "")
    .join(" ")
    .trim();
  // Virtual machines call every processor "AMD EPYC": family, model and stepping tell them apart.
  const generation = ["cpu family", "model", "stepping"].map((name) => field(name) ?? "").join("/");
  return {
    model: field("model name") ? `${field("model name")} (${generation})` : armModel,
    extensions: relevantExtensions.filter((name) => present.has(name)),
    cacheBytes: readCaches(cacheDirectory),
  };
}

function readCaches(directory: string): Record<string, number> {
  const caches: Record<string, number> = {};
  for (const index of listOr(directory)) {
    const read = (name: string) => readText(join(directory, index, name)).trim();
    const kind = { Data: "d", Instruction: "i" }[read("type")] ?? "";
    const [, size, unit] = read("size").match(/^(\d+)([KM]?)$/) ?? [];
    if (size === undefined) continue;
    caches[`L${read("level")}${kind}`] = Number(size) * (unit === "M" ? 1 << 20 : unit === "K" ? 1 << 10 : 1);
  }
  return caches;
}

function listOr(directory: string): string[] {
  try {
    return readdirSync(directory)
      .filter((name) => name.startsWith("index"))
      .sort();
  } catch {
    return [];
  }
}
