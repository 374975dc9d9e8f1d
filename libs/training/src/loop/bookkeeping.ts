import type { Accumulator, EpochRecord, LoopState, MetricDirection, Metrics } from "@anneal/contracts";
import type { Schedule } from "@anneal/data";
import type { BatchSums } from "../engine/step-engine.ts";

/** What decides which checkpoint is best, and when a run ends early. */
export interface MonitorRules {
  /** `train/<name>` or `validation/<name>`. */
  readonly metric: string;
  readonly direction: MetricDirection;
  readonly earlyStopping: { readonly patience: number; readonly minDelta: number } | null;
}

/** Of a run of many windows of a topic, the last: a checkpoint does not grow without end. */
const maxHistory = 1_000;

export const emptyAccumulator: Accumulator = { numSamples: 0, sums: {} };

/** The state of a run that has done nothing yet. */
export function initialLoopState(optimizer: Readonly<Record<string, number>>): LoopState {
  return {
    step: 0,
    epoch: 0,
    cursor: { item: 0 },
    accumulator: { ...emptyAccumulator },
    history: [],
    best: null,
    numEpochsWithoutImprovement: 0,
    stoppedEarly: false,
    optimizer: { ...optimizer },
  };
}

/** Sums in float64, in the order of the batches: the same after a resume. */
export function addBatch(accumulator: Accumulator, { numSamples, sums }: BatchSums): Accumulator {
  const added: Record<string, number> = {};
  for (const [name, sum] of Object.entries(sums)) added[name] = (accumulator.sums[name] ?? 0) + sum;
  return { numSamples: accumulator.numSamples + numSamples, sums: added };
}

/** Means over the samples; empty when there are none yet. */
export function meansOf({ numSamples, sums }: Accumulator): Metrics {
  if (numSamples === 0) return {};
  return Object.fromEntries(Object.entries(sums).map(([name, sum]) => [name, sum / numSamples]));
}

/** The state after an epoch whose last item was just done: record, best, early stopping; sums start anew. */
export function closeEpoch(state: LoopState, validation: Accumulator | null, rules: MonitorRules): LoopState {
  const epoch = state.epoch + 1;
  const record: EpochRecord = {
    epoch,
    step: state.step,
    train: meansOf(state.accumulator),
    validation: validation === null ? null : meansOf(validation),
  };
  const value = monitoredValue(record, rules.metric);
  const gain = gainOver(state.best?.value ?? null, value, rules.direction);
  const isBest = value !== null && gain > 0;
  const improved = gain > (rules.earlyStopping?.minDelta ?? 0);
  const numEpochsWithoutImprovement = improved ? 0 : state.numEpochsWithoutImprovement + 1;
  return {
    ...state,
    epoch,
    accumulator: { ...emptyAccumulator },
    history: [...state.history, record].slice(-maxHistory),
    best: isBest ? { metric: rules.metric, value, step: state.step } : state.best,
    numEpochsWithoutImprovement,
    ...(state.badRecords && { badRecords: { ...state.badRecords, numInEpoch: 0 } }),
    stoppedEarly: rules.earlyStopping !== null && numEpochsWithoutImprovement >= rules.earlyStopping.patience,
  };
}

/** The state's counts after these batches; nothing where no sample was ever bad. */
export function countBadRecords(
  before: LoopState["badRecords"],
  items: readonly { readonly numBad: number }[],
): Pick<LoopState, "badRecords"> {
  const numBad = items.reduce((sum, item) => sum + item.numBad, 0);
  if (numBad === 0) return {};
  const { numMet = 0, numInEpoch = 0 } = before ?? {};
  return { badRecords: { numMet: numMet + numBad, numInEpoch: numInEpoch + numBad } };
}

/** Whether an epoch's train batches are all done and its validation, which a stop may have interrupted, is not. */
export function validationIsPending(
  state: LoopState,
  { phases }: Pick<Schedule, "phases">,
  stepsPerEpoch: number,
): boolean {
  const hasValidation = phases.some(({ phase }) => phase === "validation");
  return hasValidation && state.accumulator.numSamples > 0 && state.step % stepsPerEpoch === 0;
}

/** The value of `train/<name>` or `validation/<name>` in an epoch's record; null where it is no number. */
export function monitoredValue(record: EpochRecord, metric: string): number | null {
  const [phase, name = ""] = metric.split("/");
  const value = (phase === "validation" ? record.validation : record.train)?.[name];
  return value !== undefined && Number.isFinite(value) ? value : null;
}

/** Metrics of the state as one flat record: running means (or the last epoch's), and the last validation's. */
export function currentMetrics(state: LoopState): Metrics {
  const last = state.history.at(-1);
  const running = meansOf(state.accumulator);
  const train = Object.keys(running).length > 0 ? running : (last?.train ?? {});
  const validation = Object.entries(last?.validation ?? {}).map(([name, value]) => [`validation/${name}`, value]);
  return { ...train, ...Object.fromEntries(validation) };
}

/** How much better `value` is than the best so far; everything beats nothing. */
function gainOver(best: number | null, value: number | null, direction: MetricDirection): number {
  if (value === null) return Number.NEGATIVE_INFINITY;
  if (best === null) return Number.POSITIVE_INFINITY;
  return direction === "maximize" ? value - best : best - value;
}
