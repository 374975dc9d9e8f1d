import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { type AnnealError, toAnnealError } from "@anneal/contracts";
import { bfloat16ProductsOf } from "@anneal/policy";
import { cacheDirectory, type Device, readCpu, requestedDevice } from "@anneal/runtime";
import { oldestTemporalVersion, requiredBytes, temporalVersion, tensorflowVersion } from "./artefacts.ts";
import { compilerMissing, probeCompiler } from "./compiler.ts";
import { formatBytes, freeSpace } from "./install.ts";
import { type Architecture, compareVersions, currentHost, type Host, supportedArchitecture } from "./platform.ts";
import { oldestPython, probePython, pythonProblem } from "./python.ts";
import { temporalCachePath, temporalOnPath } from "./temporal.ts";
import { expectedAddonPath, tensorflowRoot } from "./tensorflow.ts";

/** One line of `anneal doctor`. */
export interface PrerequisiteRow {
  readonly name: string;
  readonly ok: boolean;
  readonly found: string;
  readonly needed: string;
  /** The command or sentence that mends it; empty when nothing is wrong. */
  readonly remedy: string;
  /** Code of the error that a command would end with; null when nothing is wrong. */
  readonly code: AnnealError["code"] | null;
}

const oldestNode = "22.18.0";

/** Looks at everything Anneal needs on this machine. Installs and changes nothing. */
export async function checkPrerequisites(host: Host = currentHost()): Promise<PrerequisiteRow[]> {
  const device = requestedDevice();
  const platform = checkPlatform(host);
  const arch = platform.ok ? (host.arch as Architecture) : null;
  return [
    platform,
    checkNode(),
    await checkPython(),
    await checkCompiler(),
    ...(arch === null ? [] : await checkInstalled(device, arch)),
    checkSharedMemory(),
    ...describeCpu(),
  ];
}

function good(name: string, found: string, needed: string): PrerequisiteRow {
  return { name, ok: true, found, needed, remedy: "", code: null };
}

function bad(
  name: string,
  found: string,
  needed: string,
  error: Pick<AnnealError, "code" | "remedy">,
): PrerequisiteRow {
  return { name, ok: false, found, needed, remedy: error.remedy, code: error.code };
}

function checkPlatform(host: Host): PrerequisiteRow {
  const libc = host.platform === "linux" ? (host.glibc === null ? ", not glibc" : `, glibc ${host.glibc}`) : "";
  const found = `${host.platform} ${host.arch}${libc}`;
  const needed = "Linux x64 or arm64 with glibc 2.27 or newer; macOS, Windows and musl are not supported";
  try {
    supportedArchitecture(host);
    return good("platform", found, needed);
  } catch (cause) {
    return bad("platform", `${found}: not supported`, needed, toAnnealError(cause));
  }
}

function checkNode(): PrerequisiteRow {
  const { node } = process.versions;
  const needed = `Node ${oldestNode} or newer`;
  if (compareVersions(node, oldestNode) >= 0) return good("Node", node, needed);
  const remedy = "Start Anneal through pnpm (`npx -y pnpm@12 anneal …`), which brings Node 24, or install Node 24.";
  return bad("Node", node, needed, { code: "TOOL_MISSING", remedy });
}

async function checkPython(): Promise<PrerequisiteRow> {
  const python = await probePython();
  const problem = pythonProblem(python);
  const found = python === null ? "none" : `${python.version}, ${python.pip === null ? "no pip" : `pip ${python.pip}`}`;
  const needed = `Python ${oldestPython} or newer with pip`;
  return problem === null ? good("Python", found, needed) : bad("Python", found, needed, problem);
}

async function checkCompiler(): Promise<PrerequisiteRow> {
  const compiler = await probeCompiler();
  const needed = "g++ or clang++ with C++17";
  if (compiler === null) return bad("C++ compiler", "none", needed, compilerMissing());
  return good("C++ compiler", compiler.version, needed);
}

/** What `pnpm provision` installs, and, while something is missing, whether there is room for it. */
async function checkInstalled(device: Device, arch: Architecture): Promise<PrerequisiteRow[]> {
  const provision = device === "gpu" ? "ANNEAL_DEVICE=gpu pnpm provision" : "pnpm provision";
  const remedy = `Run \`${provision}\` (every command that needs it does so by itself).`;
  const tensorflow = existsSync(tensorflowRoot(device, arch));
  const addon = existsSync(expectedAddonPath(device, arch));
  const temporal = (await temporalOnPath()) ?? ownTemporal();
  const row = (name: string, found: string | null, needed: string) =>
    found === null
      ? bad(name, "not installed", needed, { code: "TENSORFLOW_MISSING", remedy })
      : good(name, found, needed);
  return [
    row("TensorFlow", tensorflow ? `${tensorflowVersion} (${device})` : null, tensorflowVersion),
    row("TensorFlow addon", addon ? expectedAddonPath(device, arch) : null, "compiled against that TensorFlow"),
    temporal === null
      ? bad("Temporal CLI", "not installed", `${oldestTemporalVersion} or newer`, { code: "TOOL_MISSING", remedy })
      : good("Temporal CLI", `${temporal.version} (${temporal.path})`, `${oldestTemporalVersion} or newer`),
    await checkSpace((tensorflow ? 0 : requiredBytes[device]) + (temporal ? 0 : requiredBytes.temporal)),
  ];
}

function ownTemporal(): { path: string; version: string } | null {
  const path = temporalCachePath();
  return existsSync(path) ? { path, version: temporalVersion } : null;
}

async function checkSpace(neededBytes: number): Promise<PrerequisiteRow> {
  const directory = cacheDirectory();
  const available = await freeSpace(existingParent(directory));
  const found = `${formatBytes(available)} free in ${directory}`;
  const needed = neededBytes === 0 ? "nothing more to install" : `${formatBytes(neededBytes)} while installing`;
  if (available >= neededBytes) return good("disk space", found, needed);
  const remedy = "Free some space, or set ANNEAL_CACHE to a directory on another disk.";
  return bad("disk space", found, needed, { code: "DISK_FULL", remedy });
}

function existingParent(directory: string): string {
  return existsSync(directory) ? directory : existingParent(dirname(directory));
}

/** Batches travel in shared memory: 64 MiB is what a small recipe takes. */
function checkSharedMemory(): PrerequisiteRow {
  const needed = "64 MB";
  try {
    new Uint8Array(new SharedArrayBuffer(1 << 26)).fill(1);
    return good("shared memory", "available", needed);
  } catch (cause) {
    const remedy = "Give the process more memory (`ulimit -v`, the container's limit).";
    return bad("shared memory", (cause as Error).message, needed, { code: "OUT_OF_MEMORY", remedy });
  }
}

/** What the processor can do: for information, never wrong. */
function describeCpu(): PrerequisiteRow[] {
  const { model, extensions } = readCpu();
  const has = (...names: string[]) => extensions.find((name) => names.includes(name)) ?? "no";
  return [
    good("processor", model, "any"),
    good("avx2", has("avx2"), "makes training faster"),
    good("avx512", has("avx512f"), "makes training faster"),
    good("bf16", bfloat16ProductsOf(extensions), "fast: bfloat16 training is faster than float32"),
  ];
}
