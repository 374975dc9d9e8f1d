import { AnnealError, type ComputePrecision, type Policy, type Precision } from "@anneal/contracts";

export type Device = "cpu" | "gpu";

/** What a policy means on one device: plain decisions, carried out by the trainer. */
export interface PolicyDecisions {
  readonly precision: ComputePrecision;
}

/** Number formats that the engines of this version can train in. */
export const supportedPrecisions = ["float32", "bfloat16", "float16"] as const satisfies readonly Precision[];

/**
 * Decides what a run's policy means on `device`.
 *
 * @throws AnnealError POLICY_UNSUPPORTED for a precision that no engine of this version trains in.
 */
export function resolvePolicy(policy: Policy, { device }: { readonly device: Device }): PolicyDecisions {
  const precision = supportedPrecisions.find((supported) => supported === policy.precision);
  if (precision === undefined) {
    throw new AnnealError(
      "POLICY_UNSUPPORTED",
      `precision "${policy.precision}" is not supported on ${device}`,
      `Set the policy's precision to one of: ${supportedPrecisions.join(", ")}.`,
      { precision: policy.precision, supported: supportedPrecisions.join(", "), device },
    );
  }
  return { precision };
}
