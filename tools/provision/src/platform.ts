import { readFileSync } from "node:fs";
import { AnnealError } from "@anneal/contracts";

export type Architecture = "x64" | "arm64";

export interface Host {
  readonly platform: NodeJS.Platform;
  readonly arch: string;
  /** Version of glibc, or null where the C library is another one (musl). */
  readonly glibc: string | null;
}

export function currentHost(): Host {
  const report = process.platform === "linux" ? (process.report.getReport() as unknown as ReportHeader) : null;
  return { platform: process.platform, arch: process.arch, glibc: report?.header.glibcVersionRuntime ?? null };
}

interface ReportHeader {
  readonly header: { readonly glibcVersionRuntime?: string };
}

/** The architecture of a supported host. Throws PLATFORM_UNSUPPORTED on every other. */
export function supportedArchitecture(host: Host = currentHost()): Architecture {
  const found = `${host.platform} ${host.arch}`;
  if (host.platform !== "linux" || (host.arch !== "x64" && host.arch !== "arm64")) {
    throw unsupported(`Anneal does not run on ${found}: it is not supported.`, found);
  }
  if (host.glibc === null) {
    throw unsupported("Anneal does not run on musl (Alpine): TensorFlow's libraries need glibc.", `${found} musl`);
  }
  if (compareVersions(host.glibc, "2.27") < 0) {
    throw unsupported(`TensorFlow's libraries need glibc 2.27 or newer; this system has ${host.glibc}.`, found);
  }
  return host.arch;
}

function unsupported(message: string, found: string): AnnealError {
  return new AnnealError(
    "PLATFORM_UNSUPPORTED",
    message,
    "Use a Linux machine (x64 or arm64) with glibc, for example Debian, Ubuntu or Fedora; on Windows use WSL 2, on macOS a Linux virtual machine.",
    { platform: found },
  );
}

/** The package manager's command that installs a tool here, by the family named in `/etc/os-release`. */
export function installCommand(packages: { debian: string; fedora: string }): string {
  let release = "";
  try {
    release = readFileSync("/etc/os-release", "utf8");
  } catch {
    // No such file: name both.
  }
  const debian = `sudo apt-get install -y ${packages.debian}`;
  const fedora = `sudo dnf install -y ${packages.fedora}`;
  if (/^(ID|ID_LIKE)=.*(debian|ubuntu)/m.test(release)) return debian;
  if (/^(ID|ID_LIKE)=.*(fedora|rhel|centos)/m.test(release)) return fedora;
  return `${debian} (Debian, Ubuntu) or ${fedora} (Fedora)`;
}

/** Compares dotted versions number by number; what follows the numbers is ignored. */
export function compareVersions(a: string, b: string): number {
  const parse = (version: string) => version.split(/[^0-9]+/).map(Number);
  const [left, right] = [parse(a), parse(b)];
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
