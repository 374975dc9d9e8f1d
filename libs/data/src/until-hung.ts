import { AnnealError, fromRecord } from "@anneal/contracts";
import { threadDied, transformHung } from "./feed-errors.ts";

/** A sample that a thread works on. */
export interface SampleAtWork {
  readonly index: number;
  readonly place: () => string;
}

interface WatchedWork {
  /** What the threads do, in words: "A thread that … died". */
  readonly doing: string;
  /** The samples that are worked on at the moment. */
  readonly atWork: () => readonly SampleAtWork[];
  readonly timeoutMs: number;
}

/**
 * The result of work that threads do on samples while data is opened, unless one of them keeps a thread for too long (`TRANSFORM_HUNG`) or
 * ends it (`TRANSFORM_FAILED`). Whoever waits ends the threads.
 */
export async function untilHung<Result>(
  work: Promise<Result>,
  { doing, atWork, timeoutMs }: WatchedWork,
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
    throw fromRecord(threadDied(cause, sample?.index ?? null, facts, { doing, when: "opening" }));
  } finally {
    clearInterval(timer);
  }
}
