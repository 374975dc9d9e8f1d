import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { isMainThread } from "node:worker_threads";
import { AnnealError } from "@anneal/contracts";
import type * as tfjs from "@tensorflow/tfjs";
import {
  bitsEnvironment,
  nativeEnvironment,
  type TensorflowEnvironmentOptions,
  tensorflowEnvironment,
} from "./environment.ts";
import { type Device, readTensorflowPointer, requestedDevice } from "./paths.ts";
import { isTensorflowLoaded, markTensorflowLoaded } from "./resolveHook.ts";
import { guardStridedFilterGradients } from "./stridedFilterGradients.ts";

/** TensorFlow.js, as `import * as tf from "@tensorflow/tfjs"` gives it. */
export type Tfjs = typeof tfjs;

/** An attribute of a TensorFlow op; `type` is one of the binding's `TF_ATTR_*`. */
export interface OpAttribute {
  readonly name: string;
  readonly type: number;
  readonly value: boolean | number | object | string | readonly number[];
}

/** What the addon returns for an output: `id` is its handle, `dtype` TensorFlow's number. */
export interface TensorMetadata {
  readonly id: number;
  readonly shape: number[];
  readonly dtype: number;
}

/** The native addon: one object a thread, with state of its own. */
export interface TensorflowBinding {
  createTensor(shape: readonly number[], dtype: number, values: tfjs.backend_util.BackendValues): number;
  deleteTensor(tensorId: number): void;
  tensorDataSync(tensorId: number): Float32Array | Int32Array | Uint8Array;
  executeOp(
    name: string,
    attributes: readonly OpAttribute[],
    inputIds: readonly number[],
    numOutputs: number,
  ): TensorMetadata[];
  loadSavedModel(directory: string, tags: string): number;
  deleteSavedModel(savedModelId: number): void;
  runSavedModel(
    savedModelId: number,
    inputIds: readonly number[],
    inputNames: string,
    outputNames: string,
    /** Returns also what ran and how long: `runMetadata`, a serialized message. */
    traced?: boolean,
  ): TensorMetadata[] & { readonly runMetadata?: ArrayBuffer };
  getNumOfSavedModels(): number;
  getNumOfTensors(): number;
  isUsingGpuDevice(): boolean;
  readonly TF_FLOAT: number;
  readonly TF_INT32: number;
  readonly TF_INT64: number;
  readonly TF_BOOL: number;
  readonly TF_UINT8: number;
  readonly TF_ATTR_STRING: number;
  readonly TF_ATTR_INT: number;
  readonly TF_ATTR_FLOAT: number;
  readonly TF_ATTR_BOOL: number;
  readonly TF_ATTR_TYPE: number;
  readonly TF_ATTR_SHAPE: number;
  readonly TF_Version: string;
}

/** The backend behind tfjs. Every kernel ends in one of the two `execute…` methods. */
export interface TensorflowBackend extends tfjs.KernelBackend {
  readonly binding: TensorflowBinding;
  readonly isUsingGpuDevice: boolean;
  executeSingleOutput(
    name: string,
    attributes: readonly OpAttribute[],
    inputs: readonly tfjs.TensorInfo[],
  ): tfjs.Tensor;
  executeMultipleOutputs(
    name: string,
    attributes: readonly OpAttribute[],
    inputs: readonly tfjs.TensorInfo[],
    numOutputs: number,
  ): tfjs.Tensor[];
  /** Makes a handle of the addon a tensor; tfjs knows no uint8 and calls such a tensor int32. */
  createOutputTensor(metadata: TensorMetadata): tfjs.Tensor;
}

export interface LoadOptions extends TensorflowEnvironmentOptions {
  /** Defaults to `ANNEAL_TFJS_ADDON`, then to the addon that `pnpm provision` installed for `device`. */
  readonly addonPath?: string;
}

export interface LoadedTensorflow {
  readonly tf: Tfjs;
  readonly binding: TensorflowBinding;
  readonly backend: TensorflowBackend;
  /** Version of libtensorflow, e.g. "2.21.0". */
  readonly version: string;
  /** The device in use: "cpu" also where the GPU build found no GPU. */
  readonly device: Device;
}

const require = createRequire(import.meta.url);
/** Of this thread. */
let isGuarded = false;

/**
 * Loads TensorFlow into this thread and makes it tfjs's backend. Takes about a second, once a process; a thread that
 * loads it later shares the libraries and has tensors of its own.
 *
 * On the main thread it sets the environment itself. In a worker thread the process must have been started with
 * `tensorflowEnvironment(options)`, which is verified.
 *
 * Throws TENSORFLOW_MISSING when nothing is provisioned, TENSORFLOW_BROKEN when it does not load or when the
 * environment is not the one asked for.
 */
export function loadTensorflow(options: LoadOptions): LoadedTensorflow {
  const device = options.device ?? requestedDevice();
  const addonPath = options.addonPath ?? process.env.ANNEAL_TFJS_ADDON ?? readTensorflowPointer(device)?.addonPath;
  if (addonPath === undefined || !existsSync(addonPath)) throw missing(device, addonPath);
  // In a worker thread this reaches only JavaScript, which is all that reads this one variable.
  process.env.ANNEAL_TFJS_ADDON = addonPath;
  // Later assignments would please the check below and change nothing: TensorFlow has read its environment.
  if (isMainThread && !isTensorflowLoaded()) Object.assign(process.env, tensorflowEnvironment({ ...options, device }));
  verifyEnvironment({ ...options, device });
  const tf = loadPackages(addonPath);
  markTensorflowLoaded();
  const backend = tf.backend() as TensorflowBackend;
  const { binding } = backend;
  return { tf, binding, backend, version: binding.TF_Version, device: binding.isUsingGpuDevice() ? "gpu" : "cpu" };
}

function loadPackages(addonPath: string): Tfjs {
  try {
    const tf = require("@tensorflow/tfjs") as Tfjs;
    require("@tensorflow/tfjs-node-gpu");
    if (!isGuarded) guardStridedFilterGradients(tf);
    isGuarded = true;
    return tf;
  } catch (cause) {
    throw broken(addonPath, cause);
  }
}

function verifyEnvironment(options: TensorflowEnvironmentOptions): void {
  const actual = nativeEnvironment();
  for (const [name, value] of Object.entries(bitsEnvironment(options))) {
    if (actual[name] === value) continue;
    throw new AnnealError(
      "TENSORFLOW_BROKEN",
      `This process was not started for TensorFlow: ${name} is ${actual[name] ?? "not set"} and should be ${value}.`,
      "Start the process with the environment that tensorflowEnvironment() returns.",
      { variable: name, expected: value, found: actual[name] ?? null },
    );
  }
}

function missing(device: Device, addonPath: string | undefined): AnnealError {
  return new AnnealError(
    "TENSORFLOW_MISSING",
    addonPath === undefined ? `TensorFlow (${device}) is not installed.` : `TensorFlow's addon is gone: ${addonPath}`,
    device === "gpu" ? "Run `ANNEAL_DEVICE=gpu pnpm provision`." : "Run `pnpm provision`.",
    { device, addonPath: addonPath ?? null },
  );
}

function broken(addonPath: string, cause: unknown): AnnealError {
  return new AnnealError(
    "TENSORFLOW_BROKEN",
    `TensorFlow does not load: ${cause instanceof Error ? cause.message : String(cause)}`,
    "Run `pnpm provision`; if that does not help, delete the cache's `tensorflow` directory and run it again.",
    { addonPath },
    { cause },
  );
}
