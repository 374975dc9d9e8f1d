import { mkdir, readFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { AnnealError } from "@anneal/contracts";
import {
  cacheDirectory,
  type Device,
  requestedDevice,
  type TensorflowPointer,
  tensorflowPointerPath,
} from "@anneal/runtime";
import { addonPath, ensureAddon } from "./addon.ts";
import { requiredBytes, tensorflowVersion, tensorflowWheels } from "./artefacts.ts";
import { installOnce, type Log, replaceFile } from "./install.ts";
import { type Architecture, supportedArchitecture } from "./platform.ts";
import { unpackWheel } from "./wheels.ts";

/** Libraries, the C headers that the addon includes, licences; and the whole tree of each CUDA wheel. */
const kept = [
  "^tensorflow/libtensorflow_(cc|framework)\\.so\\.2$",
  "^tensorflow/include/(tensorflow/c|tensorflow/core/platform|tsl/platform|xla/tsl/c)/.*\\.h$",
  "^tensorflow/(THIRD_PARTY_NOTICES\\.txt|include/LICENSE)$",
  "^tensorflow[^/]*\\.dist-info/METADATA$",
  "^nvidia/.*/lib/.*\\.so|^nvidia/.*/bin/|^nvidia/.*/nvvm/|^nvidia[^/]*\\.dist-info/(.*/)?(License|LICENSE)",
].join("|");

export interface TensorflowOptions {
  readonly device?: Device;
  readonly log: Log;
}

/** Where TensorFlow for `device` lies, or will lie, on this machine. */
export function tensorflowRoot(device: Device, arch: Architecture): string {
  return join(cacheDirectory(), "tensorflow", `${tensorflowVersion}-${device}-${arch}`);
}

/**
 * Installs libtensorflow and its addon, once; milliseconds when they are there. Two that start at once share the work.
 *
 * `device: "gpu"` takes the CUDA build and NVIDIA's libraries. It has been loaded on machines without a GPU, where it
 * falls back to the CPU; it has not been run on a GPU.
 *
 * Throws PLATFORM_UNSUPPORTED, TOOL_MISSING, DOWNLOAD_FAILED, HASH_MISMATCH, COMPILE_FAILED, TENSORFLOW_BROKEN, DISK_FULL.
 */
export async function ensureTensorflow({
  device = requestedDevice(),
  log,
}: TensorflowOptions): Promise<TensorflowPointer> {
  const arch = supportedArchitecture();
  const wheels = tensorflowWheels[arch][device];
  if (wheels === null) throw noGpuBuild(arch);
  const target = tensorflowRoot(device, arch);
  const title = `TensorFlow ${tensorflowVersion} (${device})`;
  const fill = async (directory: string) => {
    for (const wheel of wheels) await unpackWheel({ wheel, arch, directory, keep: kept, log });
  };
  await installOnce({ target, title, requiredBytes: requiredBytes[device], fill, log });
  const pointer: TensorflowPointer = {
    addonPath: await ensureAddon(target, log),
    libDir: join(target, "tensorflow"),
    tensorflowVersion,
    device,
  };
  await writePointer(pointer);
  return pointer;
}

async function writePointer(pointer: TensorflowPointer): Promise<void> {
  const path = tensorflowPointerPath(pointer.device);
  const inCache = (absolute: string): string => relative(dirname(path), absolute);
  const written = { ...pointer, addonPath: inCache(pointer.addonPath), libDir: inCache(pointer.libDir) };
  const text = `${JSON.stringify(written, null, 2)}\n`;
  if ((await readFile(path, "utf8").catch(() => null)) === text) return;
  await mkdir(dirname(path), { recursive: true });
  await replaceFile(path, text);
}

/** The path of the addon that this checkout would build for `device`: `anneal doctor` looks whether it is there. */
export function expectedAddonPath(device: Device, arch: Architecture): string {
  return addonPath(tensorflowRoot(device, arch));
}

function noGpuBuild(arch: Architecture): AnnealError {
  return new AnnealError(
    "PLATFORM_UNSUPPORTED",
    `There is no TensorFlow with CUDA for ${arch}.`,
    "Unset ANNEAL_DEVICE to train on the CPU, or use an x64 machine.",
    { device: "gpu", arch },
  );
}
