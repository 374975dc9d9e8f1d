import { AnnealError, type DataFacts, type LoopState } from "@anneal/contracts";
import { countLeftOut, type Feed, type FeedStats, firstPosition, topicOf } from "@anneal/data";
import type { RecipeSource } from "./recipe-source.ts";
import type { Datasets } from "./setup.ts";

/** A history carries them once a segment. */
const maxPlaces = 5;

/** What there is to say of a run's data before an item of its feed, which is null for a run that has none; by the paths of the recipe's `source`. */
export function dataFactsOf(
  datasets: Datasets,
  numReplaced: number,
  feed: Feed | null,
  item: number,
  { original }: Pick<RecipeSource, "original">,
): DataFacts {
  const stats = feed?.stats();
  const topic = feed?.topicFactsAt(item) ?? null;
  const opened = Object.values(datasets).filter((dataset) => dataset !== null);
  const leftOut = countLeftOut(opened.flatMap((dataset) => dataset.leftOut));
  const places = [...(stats?.badPlaces ?? []), ...leftOut.places];
  return {
    numReplaced,
    numLeftOut: leftOut.count,
    badPlaces: places.slice(0, maxPlaces).map(original),
    feed: stats?.facts ?? null,
    ...(topic !== null && { topic: { topic: topicOf(datasets.train)!.bounds.topic, ...topic } }),
  };
}

/** A state with the records of a topic that trained it, where its training data is one: what a checkpoint holds. */
export function withTopicPosition(state: LoopState, { train }: Datasets, feed: Feed | null): LoopState {
  const source = topicOf(train);
  if (source === null) return state;
  const { item, topic } = state.cursor;
  return { ...state, cursor: { item, topic: feed?.topicPositionAt(item) ?? topic ?? firstPosition(source.bounds) } };
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
