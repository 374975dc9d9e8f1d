import { defect } from "@anneal/contracts";
import type { ParameterDescription } from "@anneal/training";
import { Command, Option } from "commander";
import { kebabCase, parsePairs } from "../options.ts";
import { type KnownRecipe, openRecipe } from "../recipes.ts";
import { describeSettings, type GivenSettings } from "../run-settings.ts";
import { type CommonOptions, defineCommand } from "./define.ts";

export interface RecipeOptions extends CommonOptions {
  readonly param?: readonly string[];
}

/** What the person asked for, once the recipe is known. */
export interface RecipeInvocation<Options> {
  /** Arguments before the recipe. */
  readonly before: readonly string[];
  readonly known: KnownRecipe;
  /** The recipe's parameters that were given, as written. */
  readonly given: Readonly<Record<string, unknown>>;
  /** The settings of the run that were given, as written, by flag. */
  readonly settings: GivenSettings;
  readonly options: Options;
}

interface RecipeCommandOptions<Options> {
  /** Its last argument is `<recipe>`. */
  readonly usage: string;
  readonly summary: string;
  readonly example: string;
  /** Adds the command's own options. */
  readonly configure: (command: Command) => Command;
  readonly handler: (invocation: RecipeInvocation<Options>) => Promise<void>;
}

/**
 * A command whose flags depend on its argument: its parameters become flags, derived from its schema as the run's
 * settings are from theirs, and `--help` after a recipe shows them. So the outer command takes everything unparsed, finds the recipe, and an inner
 * command with the recipe's flags does the parsing.
 */
export function defineRecipeCommand<Options extends RecipeOptions>(spec: RecipeCommandOptions<Options>): Command {
  const name = spec.usage.split(" ")[0] ?? "";
  return new Command(name)
    .summary(spec.summary)
    .helpOption(false)
    .allowUnknownOption()
    .argument("[arguments...]")
    .usage(spec.usage.slice(name.length + 1))
    .action((args: readonly string[], _options: unknown, outer: Command) => parseInner(spec, args, outer));
}

async function parseInner<Options extends RecipeOptions>(
  spec: RecipeCommandOptions<Options>,
  args: readonly string[],
  outer: Command,
): Promise<void> {
  const inner = spec.configure(defineCommand(spec.usage, spec.summary, spec.example));
  inner.option("--param <name=value...>", "a parameter of the recipe whose name is one of the flags here");
  inner.exitOverride().configureOutput({ writeErr: () => {} });
  if (outer.parent) inner.name(`${outer.parent.name()} ${inner.name()}`);
  const ofSettings = addFlags(inner, "Settings of the run:", await describeSettings());
  const numBefore = inner.registeredArguments.length - 1;
  const recipe = operandsOf(args, inner)[numBefore];
  const known = recipe === undefined ? null : await openRecipe(recipe);
  const ofParameters = addFlags(inner, "Parameters of the recipe:", known?.parameters ?? []);
  if (known) inner.description(`${spec.summary}.\n\n${known.recipe.name}: ${known.recipe.description ?? known.path}`);
  inner.action(async () => {
    if (!known) throw defect("commander accepted a command line without its recipe");
    const options = inner.opts<Options>();
    await spec.handler({
      before: inner.args.slice(0, numBefore),
      known,
      given: { ...valuesOf(inner, ofParameters), ...parsePairs(options.param ?? []) },
      settings: valuesOf(inner, ofSettings) as GivenSettings,
      options,
    });
  });
  await inner.parseAsync([...args], { from: "user" });
}

/** What was given of these flags, by the name of what they set. */
function valuesOf(command: Command, attributes: ReadonlyMap<string, string>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    [...attributes]
      .filter(([, attribute]) => command.getOptionValueSource(attribute) === "cli")
      .map(([name, attribute]) => [name, command.getOptionValue(attribute)]),
  );
}

/** Arguments that are neither flags nor a flag's value, as far as the flags are known before the recipe is. */
function operandsOf(args: readonly string[], command: Command): string[] {
  const operands: string[] = [];
  for (let index = 0; index < args.length; index += 1) {
    const arg = args[index] ?? "";
    if (!arg.startsWith("-")) {
      operands.push(arg);
      continue;
    }
    const option = command.options.find((candidate) => candidate.long === arg || candidate.short === arg);
    if (option?.required) index += 1;
  }
  return operands;
}

/** Adds a flag for each description; returns commander's attribute name by the description's name. */
function addFlags(command: Command, group: string, descriptions: readonly ParameterDescription[]): Map<string, string> {
  const attributes = new Map<string, string>();
  command.optionsGroup(group);
  for (const row of descriptions) {
    const name = kebabCase(row.name.replace(/^--/, ""));
    const flag = `--${name}`;
    if (command.options.some((option) => option.long === flag) || flag === "--help") continue; // --param reaches it
    const isBoolean = row.type === "boolean";
    const option = new Option(isBoolean ? `${flag} [boolean]` : `${flag} <${row.type}>`, describe(row));
    attributes.set(row.name, option.attributeName());
    command.addOption(option);
    if (isBoolean) command.addOption(new Option(`--no-${name}`).hideHelp());
  }
  return attributes;
}

function describe({ description, allowed, default: byDefault }: ParameterDescription): string {
  const value = byDefault === undefined ? "" : ` (default: ${JSON.stringify(byDefault)})`;
  return `${[description, allowed].filter(Boolean).join("; ")}${value}`;
}
