import { setTimeout as delay } from "node:timers/promises";
import {
  type LoopState,
  type MemoryRung,
  type TopicBounds,
  type TrainingPlan,
  windowInProgress,
} from "@anneal/contracts";
import {
  atWindow,
  type Feed,
  type FeedOptions,
  firstPosition,
  itemAt,
  itemsPerEpoch,
  numFeedThreads,
  openFeed,
} from "@anneal/data";
import { numRingSlots } from "@anneal/policy";
import type { RecipeSource } from "./recipe-source.ts";
import type { Setup } from "./setup.ts";

/**
 * The feed of a training from a cursor on, within what the rung of the memory ladder allows; of a topic in windows, up to the end of one.
 */
export function openTrainingFeed(
  {
    setup,
    plan,
    rung,
    options: { source },
  }: {
    readonly setup: Setup;
    readonly plan: TrainingPlan;
    readonly rung: MemoryRung;
    readonly options: { readonly source: RecipeSource };
  },
  { item: startItem, topic: topicPosition }: LoopState["cursor"],
  stepsPerCall: number,
  window: TopicBounds | null,
): Feed {
  tellFastForward(setup, startItem);
  const hasBudget = plan.memory !== undefined && plan.memory.budgetBytes !== null;
  return openFeed({
    startItem,
    ...(window === null
      ? { plan: setup.feed, topicPosition: topicPosition ?? null, stopItem: setup.numItems }
      : windowFeed(setup, plan, topicPosition, window)),
    numSlots: numRingSlots(rung, stepsPerCall),
    // The batch in the engine's hands, the next one, and those of a call of several steps.
    minAhead: numRingSlots({ prefetchBatches: 1 }, stepsPerCall),
    // What was planned for is what it may take.
    ...(hasBudget && { maxThreads: numFeedThreads() }),
    ...tellingOf(source),
  });
}

/** The window is an epoch; the position is within it, or at the end of the one before. */
function windowFeed(
  { feed, numItems, datasets: { train } }: Setup,
  { windows }: TrainingPlan,
  position: LoopState["cursor"]["topic"],
  window: TopicBounds,
) {
  const isWithin = position !== undefined && windowInProgress(position, windows!)?.window === window.window;
  return {
    plan: { ...feed, datasets: { ...feed.datasets, train: atWindow(train, window) } },
    topicPosition: isWithin ? position : firstPosition(window),
    stopItem: Math.min(numItems, (window.window! + 1) * itemsPerEpoch(feed)),
  };
}

/** What a feed tells on its way goes to the trainer's log, with the paths of the recipe that the person wrote. */
export function tellingOf({
  original,
}: Pick<RecipeSource, "original">): Pick<FeedOptions, "onBadRecord" | "onWaiting"> {
  return {
    onBadRecord: (place) => log(`a sample was skipped: ${original(place)}`),
    onWaiting: (what) => log(original(what)),
  };
}

/** Of a generator that cannot seek, what comes before the first sample is read and thrown away: it takes its time. */
function tellFastForward({ feed, numItems, datasets: { train } }: Setup, startItem: number): void {
  const source = train.parts[0]?.source;
  if (source?.kind !== "stream" || source.canSeek || startItem >= numItems) return;
  const { phase, batch } = itemAt(feed, startItem);
  if (phase !== "train" || batch === 0) return;
  log(`the generator cannot begin at sample ${batch * feed.batchSize}: those before it are read again`);
}

/** A line of the trainer's log. */
export function log(text: string): void {
  process.stderr.write(`${new Date().toISOString()} ${text}\n`);
}

/** The engine would wait for the first batch as well; who waits for longer than usual is not measured. */
export async function rssWhenReady(feed: Feed): Promise<number> {
  const deadline = performance.now() + longestFirstBatchMs;
  while (feed.stats().occupancy === 0 && feed.failure === null && performance.now() < deadline) await delay(5);
  return process.memoryUsage.rss();
}

const longestFirstBatchMs = 2_000;
