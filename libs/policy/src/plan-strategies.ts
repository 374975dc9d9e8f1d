import type {
  Comparison,
  Precision,
  RunSpec,
  Strategy,
  StrategyMemory,
  TrainingUsage,
  WeightStorage,
} from "@anneal/contracts";

/** What memory modes that are shares ask for, of what the comparison's first plain run took for its steps. */
const shares: Readonly<Record<string, number>> = { half: 1 / 2, quarter: 1 / 4 };

/** What strategies are made of: every precision with every memory mode and every way to store weights. */
export interface StrategyParts {
  readonly precisions: readonly Precision[];
  readonly memory: readonly StrategyMemory[];
  readonly weightStorages: readonly WeightStorage[];
}

/**
 * All strategies of these parts, grouped by precision; plain ones come first of each, since the others' shares are shares of
 * what the first of them takes. What is named twice counts once.
 */
export function planStrategies({ precisions, memory, weightStorages }: StrategyParts): Strategy[] {
  const spelled = memory.map((mode) => mode.replaceAll(/\s/g, "") as StrategyMemory);
  const modes = [...new Set(spelled)].sort((a, b) => Number(b === "plain") - Number(a === "plain"));
  const strategies = [...new Set(precisions)].flatMap((precision) =>
    modes.flatMap((mode) =>
      [...new Set(weightStorages)].map((weightStorage) => ({ precision, memory: mode, weightStorage })),
    ),
  );
  return strategies.map((parts) => ({ name: nameOf(parts), ...parts }));
}

/** `float32`, `bfloat16-half`, `float32-50pct-store-bfloat16`: part of a run's id. */
function nameOf({ precision, memory, weightStorage }: Omit<Strategy, "name">): string {
  return [
    precision,
    ...(memory === "plain" ? [] : [memory.replace("%", "pct")]),
    ...(weightStorage === "float32" ? [] : ["store", weightStorage]),
  ].join("-");
}

/** Whether a strategy's budget is known only after the comparison's first plain run. */
export function isShare(memory: StrategyMemory): boolean {
  return Object.hasOwn(shares, memory);
}

/**
 * The budget of a strategy as a run's policy has it; null where it is not limited. A share leaves the process what it takes
 * with the run loaded, and of what steps took above that the half or the quarter: of a process that is mostly runtime no
 * policy could take half away.
 */
export function budgetOf(
  memory: StrategyMemory,
  { peakRssBytes, loadedRssBytes }: Pick<TrainingUsage, "peakRssBytes" | "loadedRssBytes">,
): string | null {
  if (memory === "plain") return null;
  const share = shares[memory];
  if (share === undefined) return memory;
  return `${Math.floor((loadedRssBytes + (peakRssBytes - loadedRssBytes) * share) / 2 ** 20)}MiB`;
}

/** What a strategy's run is defined by: what all have in common, with its own policy, alone on its worker. */
export function strategySpec(
  { spec }: Comparison,
  { precision, weightStorage }: Strategy,
  budget: string | null,
): RunSpec {
  const { budget: _replaced, ...memory } = spec.policy.memory;
  const inBudget = budget === null ? memory : { ...memory, budget };
  const policy = { ...spec.policy, precision, weightStorage, memory: inBudget };
  return { ...spec, policy, exclusive: true };
}
