import { AnnealError, type ErrorRecord } from "@anneal/contracts";

/** Bad samples whose places are told; the others are counted. */
export const maxNamed = 20;

/** Samples that were left out by one look at the data. */
export interface LeftOut {
  /** Digest of what was looked at: equal ones found the same samples. */
  readonly foundBy: string;
  readonly count: number;
  /** Where the first few of them are. */
  readonly places: readonly string[];
}

/** What several looks found, each counted once. */
export function countLeftOut(leftOut: readonly LeftOut[]): Pick<LeftOut, "count" | "places"> {
  const looks = [...new Map(leftOut.map((look) => [look.foundBy, look])).values()];
  return { count: looks.reduce((sum, { count }) => sum + count, 0), places: looks.flatMap(({ places }) => places) };
}

/** What becomes of a sample that is looked at. */
export const verdict = { dropped: 0, kept: 1, bad: 2, judging: 3 } as const;

/** Whether a failure is one of a sample, which may be skipped, rather than of the pipeline. */
export function isOfSample({ code }: Pick<ErrorRecord, "code">): boolean {
  return code === "BAD_RECORD" || code === "TRANSFORM_FAILED";
}

/** Where a bad sample is, and what is wrong with it. */
export function placeOfBad({ facts, message }: ErrorRecord): string {
  return typeof facts.place === "string" && !message.includes(facts.place) ? `${facts.place}: ${message}` : message;
}

/** More bad samples than the policy allows. */
export function tooManyBadRecords(
  numBad: number,
  numSamples: number,
  maxShare: number,
  places: readonly string[],
): AnnealError {
  return new AnnealError(
    "BAD_RECORDS",
    `${numBad} of ${numSamples} samples cannot be read, more than the share of ${maxShare} that is allowed` +
      (places.length > 0 ? `; the first: ${places.slice(0, 3).join("; ")}` : ""),
    "Mend the data, or allow a larger share: onBadRecord({ action: 'skip', maxShare }).",
    { numBad, numSamples, maxShare, places: places.slice(0, 3).join("; ") },
  );
}
