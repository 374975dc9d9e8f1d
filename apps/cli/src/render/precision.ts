import type { PrecisionDecision } from "@anneal/contracts";

/** The decision in one line, `bfloat16: fastest with …`; null where it is what was asked for and no more. */
export function precisionPlanInWords({ precision, isAskedFor, why, caveat }: PrecisionDecision): string | null {
  if (isAskedFor && caveat === undefined) return null;
  return `${precision}: ${[why, ...(caveat === undefined ? [] : [caveat])].join("; ")}`;
}
