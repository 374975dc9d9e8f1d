import type { MemoryRung, TrainingPlan } from "@anneal/contracts";
import { type Feed, numFeedThreads, openFeed } from "@anneal/data";
import { numRingSlots } from "@anneal/policy";
import type { Setup } from "./setup.ts";

/** The feed of a training from an item on, within what the rung of the memory ladder allows. */
export function openTrainingFeed(
  { setup, plan, rung }: { readonly setup: Setup; readonly plan: TrainingPlan; readonly rung: MemoryRung },
  startItem: number,
  stepsPerCall: number,
): Feed {
  const hasBudget = plan.memory !== undefined && plan.memory.budgetBytes !== null;
  return openFeed({
    plan: setup.feed,
    startItem,
    stopItem: setup.numItems,
    numSlots: numRingSlots(rung, stepsPerCall),
    // The batch in the engine's hands, the next one, and those of a call of several steps.
    minAhead: numRingSlots({ prefetchBatches: 1 }, stepsPerCall),
    // What was planned for is what it may take.
    ...(hasBudget && { maxThreads: numFeedThreads() }),
    onBadRecord: (place) => process.stderr.write(`${new Date().toISOString()} a sample was skipped: ${place}\n`),
  });
}
