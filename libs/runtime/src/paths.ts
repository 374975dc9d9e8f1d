import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";

/** The device a TensorFlow runtime was built for. The GPU build falls back to the CPU where there is no GPU. */
export type Device = "cpu" | "gpu";

/** Where a provisioned TensorFlow lies: what `tools/provision` writes and `loadTensorflow` reads. */
export interface TensorflowPointer {
  /** The compiled addon, `tfjs_binding.node`. */
  readonly addonPath: string;
  /** Directory of `libtensorflow_cc.so.2`. */
  readonly libDir: string;
  readonly tensorflowVersion: string;
  readonly device: Device;
}

/** Downloads and builds, shared by all clones: `ANNEAL_CACHE`, by default `${XDG_CACHE_HOME:-~/.cache}/anneal`. */
export function cacheDirectory(env: NodeJS.ProcessEnv = process.env): string {
  if (env.ANNEAL_CACHE) return resolve(env.ANNEAL_CACHE);
  return join(env.XDG_CACHE_HOME || join(homedir(), ".cache"), "anneal");
}

/** `ANNEAL_DEVICE`, by default the CPU. */
export function requestedDevice(env: NodeJS.ProcessEnv = process.env): Device {
  return env.ANNEAL_DEVICE === "gpu" ? "gpu" : "cpu";
}

/** The file that names the TensorFlow in use for `device`. */
export function tensorflowPointerPath(device: Device, env: NodeJS.ProcessEnv = process.env): string {
  return join(cacheDirectory(env), "tensorflow", `current-${device}.json`);
}

/**
 * The provisioned TensorFlow of `device`, or null when there is none. Reads one small file, whose paths are relative to
 * it: a cache may be copied, or seen through a link that is gone tomorrow.
 */
export function readTensorflowPointer(
  device: Device = requestedDevice(),
  env: NodeJS.ProcessEnv = process.env,
): TensorflowPointer | null {
  const path = tensorflowPointerPath(device, env);
  try {
    const pointer = JSON.parse(readFileSync(path, "utf8")) as TensorflowPointer;
    const inCache = (relative: string): string => resolve(dirname(path), relative);
    return { ...pointer, addonPath: inCache(pointer.addonPath), libDir: inCache(pointer.libDir) };
  } catch {
    return null;
  }
}
