import type { TensorflowPointer } from "@anneal/runtime";
import { ensureTemporalCli, type TemporalCli } from "./temporal.ts";
import { ensureTensorflow, type TensorflowOptions } from "./tensorflow.ts";

export interface Provisioned {
  readonly tensorflow: TensorflowPointer;
  readonly temporal: TemporalCli;
}

/** Everything that is not an npm package, side by side. The first failure is thrown once both have ended. */
export async function ensureAll(options: TensorflowOptions): Promise<Provisioned> {
  const [tensorflow, temporal] = await Promise.allSettled([ensureTensorflow(options), ensureTemporalCli(options)]);
  if (tensorflow.status === "rejected") throw tensorflow.reason;
  if (temporal.status === "rejected") throw temporal.reason;
  return { tensorflow: tensorflow.value, temporal: temporal.value };
}
