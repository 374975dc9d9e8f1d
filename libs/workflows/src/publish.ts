import { type RunState, searchAttributes } from "@anneal/contracts";
import { defineSearchAttributeKey, type SearchAttributeUpdatePair } from "@temporalio/common";
import { setCurrentDetails, upsertSearchAttributes } from "@temporalio/workflow";
import { describeRun, newestProgress } from "./details.ts";

const recipeKey = defineSearchAttributeKey("AnnealRecipe", searchAttributes.AnnealRecipe);
const statusKey = defineSearchAttributeKey("AnnealStatus", searchAttributes.AnnealStatus);
const stepKey = defineSearchAttributeKey("AnnealStep", searchAttributes.AnnealStep);
const bestMetricKey = defineSearchAttributeKey("AnnealBestMetric", searchAttributes.AnnealBestMetric);

/** What a run last published, so that only changes become events. */
export interface Published {
  status?: string;
  step?: number;
  best?: number;
}

/** Brings search attributes and the UI's current details up to date with the run's state. */
export function publish(state: RunState, recipe: string, published: Published): void {
  const progress = newestProgress(state);
  const step = progress?.step ?? state.last?.step ?? 0;
  const best = (progress?.best ?? state.last?.best)?.value;
  const changes: SearchAttributeUpdatePair[] = [];
  if (published.status === undefined) changes.push({ key: recipeKey, value: recipe });
  if (published.status !== state.status) changes.push({ key: statusKey, value: state.status });
  if (published.step !== step) changes.push({ key: stepKey, value: step });
  if (best !== undefined && published.best !== best) changes.push({ key: bestMetricKey, value: best });
  if (changes.length > 0) upsertSearchAttributes(changes);
  published.status = state.status;
  published.step = step;
  if (best !== undefined) published.best = best;
  setCurrentDetails(describeRun(state, recipe));
}
