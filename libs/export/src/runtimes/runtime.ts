import type { ModelTimes } from "@anneal/contracts";
import type { TensorType } from "@anneal/graph";

/** Inputs of a model, as many samples as there are. */
export interface Samples {
  readonly numSamples: number;
  /** Of one sample, without the batch. */
  readonly type: TensorType & { readonly dtype: "float32" | "int32" | "uint8" };
  /** `[numSamples, ...type.shape]`, row-major. */
  readonly values: Float32Array | Int32Array | Uint8Array;
}

export interface RunRequest {
  readonly path: string;
  readonly samples: Samples;
  /** Samples of a call. */
  readonly batchSize: number;
  /** Names of the outputs to return, in this order. */
  readonly outputs: readonly string[];
  /** Calls with one sample whose time is taken, after all others. 0 for a file that takes batches of another size. */
  readonly numTimed: number;
}

export interface RunResult {
  readonly version: string;
  /** Values of each output for all samples, row-major. */
  readonly outputs: readonly Float32Array[];
  readonly times: ModelTimes;
}

/** What runs the files of a format: never our own code, and in a process of its own, which may crash. */
export interface Runtime {
  readonly name: string;
  /**
   * @throws AnnealError RUNTIME_MISSING where it is not installed; RUNTIME_FAILED where it refuses the file, or its process ends
   */
  run(request: RunRequest): Promise<RunResult>;
}

/** Samples `[from, to)`. */
export function sliceSamples({ type, values, numSamples }: Samples, from: number, to: number): Samples {
  const size = values.length / numSamples;
  return { type, numSamples: to - from, values: values.subarray(from * size, to * size) };
}

/** The values that half, and all but one of a hundred, are below. */
export function percentiles(times: readonly number[]): { readonly p50Ms: number; readonly p99Ms: number } {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
  return { p50Ms: at(0.5), p99Ms: at(0.99) };
}
