import type { Device } from "./paths.ts";
import { readTensorflowPointer } from "./paths.ts";

export interface TensorflowEnvironmentOptions {
  readonly numIntraOpThreads: number;
  readonly numInterOpThreads: number;
  readonly device?: Device;
}

/**
 * The environment a process must be *started* with for TensorFlow to compute what its fingerprint says.
 *
 * TensorFlow reads it with `getenv` when its libraries load. Assignments to `process.env` in a worker thread do not
 * reach `getenv` (Node gives each thread a copy), hence: set at spawn, verified by `loadTensorflow`.
 */
export function tensorflowEnvironment(options: TensorflowEnvironmentOptions): Record<string, string> {
  const device = options.device ?? "cpu";
  const environment: Record<string, string> = {
    ...bitsEnvironment(options),
    // 2: errors only. A person who wants more sets it.
    TF_CPP_MIN_LOG_LEVEL: process.env.TF_CPP_MIN_LOG_LEVEL ?? "2",
    // Otherwise TensorFlow takes the whole GPU at start.
    TF_FORCE_GPU_ALLOW_GROWTH: "true",
  };
  if (device === "cpu") environment.CUDA_VISIBLE_DEVICES = "-1";
  const addonPath = process.env.ANNEAL_TFJS_ADDON ?? readTensorflowPointer(device)?.addonPath;
  if (addonPath !== undefined) environment.ANNEAL_TFJS_ADDON = addonPath;
  return environment;
}

/** The part of the environment that results depend on, bit for bit. */
export function bitsEnvironment(options: TensorflowEnvironmentOptions): Record<string, string> {
  return {
    TF_NUM_INTRAOP_THREADS: String(options.numIntraOpThreads),
    TF_NUM_INTEROP_THREADS: String(options.numInterOpThreads),
    // Ops that add in the order in which threads finish take their ordered form, or refuse.
    TF_DETERMINISTIC_OPS: "1",
    // TensorFlow's own default depends on the processor; pinned, a run says what it used. oneDNN has the bf16 kernels.
    TF_ENABLE_ONEDNN_OPTS: process.arch === "x64" ? "1" : "0",
  };
}

/** Variables beyond our own that change results when a person sets them; recorded in the fingerprint. */
export const recordedVariables = [
  "ONEDNN_MAX_CPU_ISA",
  "ONEDNN_DEFAULT_FPMATH_MODE",
  "TF_ONEDNN_USE_SYSTEM_ALLOCATOR",
  "TF_XLA_FLAGS",
  "XLA_FLAGS",
  "NVIDIA_TF32_OVERRIDE",
  "TF_CUDNN_USE_FRONTEND",
] as const;

/** The environment as native code sees it, whichever thread asks. Some milliseconds. */
export function nativeEnvironment(): Record<string, string> {
  const { report } = process as unknown as { report: NodeReport };
  // Interfaces are of no interest, and looking up their names may take seconds.
  const { excludeNetwork } = report;
  report.excludeNetwork = true;
  try {
    return report.getReport().environmentVariables;
  } finally {
    report.excludeNetwork = excludeNetwork;
  }
}

/** The part of `process.report` used here; the types of Node lack `excludeNetwork`. */
interface NodeReport {
  excludeNetwork: boolean;
  getReport(): { readonly environmentVariables: Record<string, string> };
}
