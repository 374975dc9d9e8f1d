import { AnnealError, type DataFacts } from "@anneal/contracts";
import { countLeftOut, type FeedStats } from "@anneal/data";
import type { Datasets } from "./setup.ts";

/** A history carries them once a segment. */
const maxPlaces = 5;

/** What there is to say of a run's data. `stats`: of its feed, where it has one. */
export function dataFactsOf(datasets: Datasets, numReplaced: number, stats: FeedStats | undefined): DataFacts {
  const opened = Object.values(datasets).filter((dataset) => dataset !== null);
  const leftOut = countLeftOut(opened.flatMap((dataset) => dataset.leftOut));
  const places = [...(stats?.badPlaces ?? []), ...leftOut.places];
  return {
    numReplaced,
    numLeftOut: leftOut.count,
    badPlaces: places.slice(0, maxPlaces),
    feed: stats?.facts ?? null,
  };
}

export interface FeedWaits {
  readonly feedWaitMs: number;
  readonly feedBoundaryWaitMs: number;
  readonly feedStartWaitMs: number;
}

/** How long the engine waited for a feed, in ms. */
export function feedWaitsOf(stats: FeedStats | undefined): FeedWaits {
  const { totalMs = 0, boundaryMs = 0, startMs = 0 } = stats?.waits ?? {};
  return { feedWaitMs: totalMs, feedBoundaryWaitMs: boundaryMs, feedStartWaitMs: startMs };
}

/** `BAD_RECORDS` with the first of their places, which the engine's thread does not know. */
export function withPlaces(error: AnnealError, places: readonly string[]): AnnealError {
  if (error.code !== "BAD_RECORDS" || places.length === 0) return error;
  const first = places.slice(0, maxPlaces).join("; ");
  const { code, message, remedy, facts } = error;
  return new AnnealError(code, `${message}; among them: ${first}`, remedy, { ...facts, places: first });
}
