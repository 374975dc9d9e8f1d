import { AnnealError, fromRecord } from "@anneal/contracts";
import { threadDied, transformHung } from "./feed-errors.ts";

/** Longer than this on one sample is an endless loop, or a disk that does not answer. */
export const defaultSampleTimeoutMs = 30_000;

/** A sample that a thread works on. */
export interface SampleAtWork {
  readonly index: number;
  readonly place: () => string;
}

/**
 * The result of work that threads do on samples, unless one of them keeps a thread for too long (`TRANSFORM_HUNG`) or ends it
 * (`TRANSFORM_FAILED`). Whoever waits ends the threads. `atWork` gives the samples that are worked on at the moment.
 */
export async function untilHung<Result>(
  work: Promise<Result>,
  atWork: () => readonly SampleAtWork[],
  timeoutMs: number,
): Promise<Result> {
  const hung = Promise.withResolvers<never>();
  // Looks are counted, not hours: a machine that slept has lost none.
  const numLooks = 8;
  let seen = new Map<number, number>();
  const timer = setInterval(() => {
    const now = atWork();
    seen = new Map(now.map(({ index }) => [index, (seen.get(index) ?? 0) + 1]));
    const stuck = now.find(({ index }) => seen.get(index)! > numLooks);
    if (stuck !== undefined) hung.reject(fromRecord(transformHung(stuck.index, stuck.place(), timeoutMs, 1)));
  }, timeoutMs / numLooks);
  try {
    return await Promise.race([work, hung.promise]);
  } catch (cause) {
    if (cause instanceof AnnealError) throw cause;
    const [sample] = atWork();
    const facts = sample === undefined ? {} : { place: sample.place() };
    throw fromRecord(threadDied(cause, sample?.index ?? null, facts, ""));
  } finally {
    clearInterval(timer);
  }
}
