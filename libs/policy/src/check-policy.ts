import { AnnealError, type RunSpec } from "@anneal/contracts";

/**
 * What can be refused before anything is started. Ops that run one by one have no graph in which formats could be chosen, segments
 * be computed again, or memory be predicted.
 *
 * @throws AnnealError POLICY_UNSUPPORTED
 */
export function checkPolicy({ engine, policy }: Pick<RunSpec, "engine" | "policy">): void {
  if (engine === "compiled") return;
  const { precision, memory } = policy;
  if (precision === "bfloat16" || precision === "float16") throw unsupported("precision", precision);
  const { budget, recomputeSegments = 1 } = memory;
  if (budget !== undefined) throw unsupported("memory-budget", budget);
  if (recomputeSegments > 1) throw unsupported("memory-recompute-segments", recomputeSegments);
}

function unsupported(flag: string, value: string | number): AnnealError {
  return new AnnealError(
    "POLICY_UNSUPPORTED",
    `the eager engine runs op by op: it knows no --${flag} ${value}`,
    `Leave --engine out, or --${flag}.`,
    { engine: "eager", option: flag, value },
  );
}
