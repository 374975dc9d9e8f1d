import { AnnealError, memoryBudgetPattern, type Strategy } from "@anneal/contracts";
import { isShare, planStrategies, type StrategyParts } from "@anneal/policy";

/** More than anybody waits for; each is a whole training. */
const maxStrategies = 64;

/** The parts of `float32,bfloat16`. */
export function listOf(text: string): string[] {
  return text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

/**
 * The strategies that lists ask for.
 *
 * @param parts precisions and weight storages were checked before, each as a run's own flag
 * @throws AnnealError USAGE
 */
export function strategiesOf(parts: StrategyParts): Strategy[] {
  const { memory } = parts;
  const unknown = memory.filter((mode) => mode !== "plain" && !isShare(mode) && !memoryBudgetPattern.test(mode));
  if (unknown.length > 0) {
    throw new AnnealError(
      "USAGE",
      `--memory takes plain, half, quarter, or amounts such as 512MiB or 50%, not "${unknown.join(", ")}".`,
      "Write for example --memory plain,half,quarter.",
      { memory: unknown.join(", ") },
    );
  }
  if (memory.some(isShare) && !memory.includes("plain")) {
    throw new AnnealError(
      "USAGE",
      "half and quarter are shares of what the plain run takes, which is not among those compared.",
      `Write --memory plain,${memory.join(",")}, or give amounts such as 512MiB.`,
    );
  }
  const strategies = planStrategies(parts);
  if (strategies.length >= 2 && strategies.length <= maxStrategies) return strategies;
  throw new AnnealError(
    "USAGE",
    strategies.length > maxStrategies
      ? `${strategies.length} strategies are more than the ${maxStrategies} that one comparison takes.`
      : "There is nothing to compare: one precision, one memory mode and one storage are one strategy.",
    "Write for example --precision float32,bfloat16 --memory plain,half.",
  );
}
