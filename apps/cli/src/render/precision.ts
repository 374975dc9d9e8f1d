import type { PrecisionDecision } from "@anneal/contracts";

/** The decision in one line, `bfloat16: fastest with …`; null where it is what was asked for and no more. */
export function precisionPlanInWords({ precision, why }: PrecisionDecision): string | null {
  return why === "asked for" ? null : `${precision}: ${why}`;
}
