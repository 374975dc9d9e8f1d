import { annealHome } from "@anneal/checkpoint";
import {
  AnnealError,
  type Comparison,
  type Criterion,
  type Preference,
  preferences,
  type RunSpec,
  strategyRunId,
} from "@anneal/contracts";
import { type Command, Option } from "commander";
import { attachComparison } from "../comparisons/follow.ts";
import { startNewComparison } from "../comparisons/start.ts";
import { listOf, strategiesOf } from "../comparisons/strategies.ts";
import { viewComparison } from "../comparisons/view.ts";
import { type CommandResult, log } from "../output.ts";
import { buildSpec } from "../recipes.ts";
import { type ComparisonFormat, formatComparison, formatOption } from "../render/comparison.ts";
import { checkRunId, newRunId } from "../runs/run-id.ts";
import { openWorkingSession } from "../stack/working-session.ts";
import { finish } from "./define.ts";
import { defineRecipeCommand, type RecipeInvocation, type RecipeOptions } from "./recipe-command.ts";

interface CompareOptions extends RecipeOptions {
  readonly precision: string;
  readonly memory: string;
  readonly weightStorage: string;
  readonly within: string;
  readonly prefer: Preference;
  readonly format: ComparisonFormat;
  readonly runId?: string;
  readonly detach?: true;
}

export function compareCommand(): Command {
  return defineRecipeCommand<CompareOptions>({
    usage: "compare <recipe>",
    summary: "Train a recipe in several precisions and memory budgets, and report what each gains and costs",
    example: `anneal compare mnist --precision float32,bfloat16
anneal compare mnist --precision float32,bfloat16 --memory plain,half,quarter --within 0.3 --prefer lightest
anneal compare mnist --weight-storage float32,bfloat16 --prefer smallest
anneal compare ./my-recipe.ts --epochs 2 --format markdown > report.md`,
    configure: (command) =>
      command
        .option("--precision <list>", "precisions, each with every memory mode", "float32,bfloat16")
        .option(
          "--memory <list>",
          "memory modes: plain; half or quarter of what the first plain run's steps take; or amounts such as 512MiB",
          "plain",
        )
        .option(
          "--weight-storage <list>",
          "number formats of the stored weights, which are what is evaluated",
          "float32",
        )
        .option(
          "--within <points>",
          "how much worse than the first strategy's the metric may be, in points: hundredths",
          "0.5",
        )
        .addOption(
          new Option("--prefer <which>", "what is wanted of those: most samples a second, fewest bytes, least memory")
            .choices(preferences)
            .default("fastest"),
        )
        .addOption(formatOption())
        .option("--run-id <id>", "the comparison's name; a strategy's run is called so with the strategy appended")
        .option("--detach", "return as soon as the comparison has started"),
    handler: (invocation) => finish(invocation.options, compare(annealHome(), invocation)),
  });
}

async function compare(home: string, invocation: RecipeInvocation<CompareOptions>): Promise<CommandResult> {
  const { options } = invocation;
  const comparison = await planComparison(invocation);
  const { recipe } = comparison.spec;
  const compareId = options.runId ?? newRunId(`${recipe.name}-compare`);
  const runIds = comparison.strategies.map((strategy) => strategyRunId(compareId, strategy));
  for (const id of [compareId, ...runIds]) checkRunId(id);
  await using session = await openWorkingSession(home, log);
  await startNewComparison(home, session, compareId, comparison);
  const url = session.runUrl(compareId);
  log(`comparison ${compareId} of ${comparison.strategies.length} strategies started${url ? `: ${url}` : ""}`);
  if (!options.detach) return await attachComparison(home, session, compareId, options.format);
  const view = await viewComparison(home, session, compareId);
  return { document: view, text: formatComparison(view, options.format) };
}

/** Everything that is compared, checked before anything is started: each precision and storage as `train` would check it. */
async function planComparison(invocation: RecipeInvocation<CompareOptions>): Promise<Comparison> {
  const { known, given, settings, options } = invocation;
  if (settings[budgetFlag] !== undefined) {
    throw new AnnealError(
      "USAGE",
      `${budgetFlag} is one budget, and a comparison has its strategies'.`,
      `Write --memory plain,${settings[budgetFlag]} instead.`,
    );
  }
  const criterion: Criterion = { withinPoints: parsePoints(options.within), prefer: options.prefer };
  const specs: RunSpec[] = [];
  for (const precision of listOf(options.precision)) {
    for (const weightStorage of listOf(options.weightStorage)) {
      const flags = { "--precision": precision, "--weight-storage": weightStorage };
      specs.push(await buildSpec(known, given, { ...settings, ...flags }));
    }
  }
  const strategies = strategiesOf({
    precisions: specs.map(({ policy }) => policy.precision),
    memory: listOf(options.memory),
    weightStorages: specs.map(({ policy }) => policy.weightStorage),
  });
  // There are strategies, so there is a spec.
  return { spec: specs[0]!, strategies, criterion };
}

const budgetFlag = "--memory-budget";

function parsePoints(text: string): number {
  const points = Number(text);
  if (text.trim() !== "" && Number.isFinite(points) && points >= 0) return points;
  throw new AnnealError(
    "USAGE",
    `--within takes a number of points from 0 on, not "${text}".`,
    "Write for example --within 0.5: half a percent of an accuracy.",
  );
}
