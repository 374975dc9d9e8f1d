import type { Comparison, Precision, RunSpec, Strategy, StrategyMemory, TrainingUsage } from "@anneal/contracts";

/** What memory modes that are shares ask for, of what the comparison's first plain run took for its steps. */
const shares: Readonly<Record<string, number>> = { half: 1 / 2, quarter: 1 / 4 };

/**
 * Every precision with every memory mode, grouped by precision; plain ones come first of each, since the others' shares are
 * shares of what the first of them takes. What is named twice counts once.
 */
export function planStrategies(precisions: readonly Precision[], memory: readonly StrategyMemory[]): Strategy[] {
  const modes = [...new Set(memory)].sort((a, b) => Number(b === "plain") - Number(a === "plain"));
  return [...new Set(precisions)].flatMap((precision) =>
    modes.map((mode) => ({ name: nameOf(precision, mode), precision, memory: mode })),
  );
}

/** `float32`, `bfloat16-half`, `float32-512MiB`, `float32-50pct`: part of a run's id. */
function nameOf(precision: Precision, memory: StrategyMemory): string {
  return memory === "plain" ? precision : `${precision}-${memory.replaceAll(/\s/g, "").replace("%", "pct")}`;
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

/** What a strategy's run is defined by: what all have in common, with its own precision and budget, alone on its worker. */
export function strategySpec({ spec }: Comparison, { precision }: Strategy, budget: string | null): RunSpec {
  const { budget: _replaced, ...memory } = spec.policy.memory;
  const policy = { ...spec.policy, precision, memory: budget === null ? memory : { ...memory, budget } };
  return { ...spec, policy, exclusive: true };
}
