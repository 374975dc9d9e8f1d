import type { ParameterDescription } from "@anneal/training";
import { Command, Option } from "commander";
import { parsePairs } from "../options.ts";
import { type KnownRecipe, openRecipe, type SpecOptions } from "../recipes.ts";
import { type CommonOptions, defineCommand } from "./define.ts";

export interface RecipeOptions extends CommonOptions, SpecOptions {
  readonly param?: readonly string[];
}

/** What the person asked for, once the recipe is known. */
export interface RecipeInvocation<Options> {
  /** Arguments before the recipe. */
  readonly before: readonly string[];
  readonly known: KnownRecipe;
  /** The recipe's parameters that were given, as written. */
  readonly given: Readonly<Record<string, unknown>>;
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
 * A command whose flags depend on its argument: the recipe's parameters become flags, derived from its schema, and
 * `--help` after a recipe shows them. So the outer command takes everything unparsed, finds the recipe, and an inner
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
  const inner = spec.configure(withSpecOptions(defineCommand(spec.usage, spec.summary, spec.example)));
  inner.exitOverride().configureOutput({ writeErr: () => {} });
  if (outer.parent) inner.name(`${outer.parent.name()} ${inner.name()}`);
  const numBefore = inner.registeredArguments.length - 1;
  const recipe = operandsOf(args, inner)[numBefore];
  const known = recipe === undefined ? null : await openRecipe(recipe);
  const flags = known ? addParameterFlags(inner, known.parameters) : new Map<string, string>();
  if (known) inner.description(`${spec.summary}.\n\n${known.recipe.name}: ${known.recipe.description ?? known.path}`);
  inner.action(async () => {
    if (!known) throw new Error("commander accepted a command line without its recipe");
    const options = inner.opts<Options>();
    const values = options as Readonly<Record<string, unknown>>;
    const given = Object.fromEntries(
      [...flags]
        .filter(([, attribute]) => inner.getOptionValueSource(attribute) === "cli")
        .map(([parameter, attribute]) => [parameter, values[attribute]]),
    );
    const before = inner.args.slice(0, numBefore);
    await spec.handler({ before, known, given: { ...given, ...parsePairs(options.param ?? []) }, options });
  });
  await inner.parseAsync([...args], { from: "user" });
}

function withSpecOptions(command: Command): Command {
  return command
    .option("--max-steps <n>", "stop after this many steps in all")
    .option("--seed <n>", "seed of weights, order, augmentation and dropout (default: 42)")
    .option("--precision <format>", "number format of the training step (default: float32)")
    .option("--threads <intra[,inter]>", "TensorFlow's threads; results depend on them (default: the machine's cores)")
    .option("--checkpoint-every <duration>", "time between checkpoints within an epoch (default: 60s)")
    .option("--param <name=value...>", "a parameter of the recipe whose name is one of the flags above");
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

/** Adds a flag for each parameter; returns commander's attribute name by parameter. */
function addParameterFlags(command: Command, parameters: readonly ParameterDescription[]): Map<string, string> {
  const attributes = new Map<string, string>();
  command.optionsGroup("Parameters of the recipe:");
  for (const parameter of parameters) {
    const flag = `--${kebabCase(parameter.name)}`;
    if (command.options.some((option) => option.long === flag) || flag === "--help") continue; // --param reaches it
    const isBoolean = parameter.type === "boolean";
    const option = new Option(isBoolean ? `${flag} [boolean]` : `${flag} <${parameter.type}>`, describe(parameter));
    attributes.set(parameter.name, option.attributeName());
    command.addOption(option);
    if (isBoolean) command.addOption(new Option(`--no-${kebabCase(parameter.name)}`).hideHelp());
  }
  return attributes;
}

function describe({ description, allowed, default: byDefault }: ParameterDescription): string {
  const value = byDefault === undefined ? "" : ` (default: ${JSON.stringify(byDefault)})`;
  return `${[description, allowed].filter(Boolean).join("; ")}${value}`;
}

function kebabCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
