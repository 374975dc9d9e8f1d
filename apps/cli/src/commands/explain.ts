import { mkdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { RunSpec, StepExplanation } from "@anneal/contracts";
import { ensureTensorflow } from "@anneal/provision";
import type { Command } from "commander";
import { type CommandResult, log } from "../output.ts";
import { buildSpec } from "../recipes.ts";
import { formatExplanation } from "../render/explanation.ts";
import { finish } from "./define.ts";
import { defineRecipeCommand, type RecipeInvocation, type RecipeOptions } from "./recipe-command.ts";

interface ExplainOptions extends RecipeOptions {
  readonly output: string;
}

export function explainCommand(): Command {
  return defineRecipeCommand<ExplainOptions>({
    usage: "explain <recipe>",
    summary: "Show how a recipe's training step is compiled, and where its time goes",
    example: `anneal explain mnist
anneal explain ./my-recipe.ts --output ./opened   # graph.pb and step.svg go there`,
    configure: (command) =>
      command.option("--output <folder>", "where the graph (GraphDef) and its picture (SVG) go", "explained"),
    handler: (invocation) => finish(invocation.options, explain(invocation)),
  });
}

async function explain({ known, given, settings, options }: RecipeInvocation<ExplainOptions>): Promise<CommandResult> {
  const spec = await buildSpec(known, given, settings);
  await ensureTensorflow({ log });
  const { explainRecipe } = await import("@anneal/training");
  const explanation = await explainRecipe(spec);
  const files = await writeFiles(resolve(options.output), spec, explanation);
  const { graphDef: _graph, ...document } = explanation;
  return { document: { ...document, files }, text: formatExplanation(explanation, files) };
}

async function writeFiles(folder: string, { recipe }: RunSpec, explanation: StepExplanation) {
  const { drawStep } = await import("@anneal/compiler");
  const files = { graph: join(folder, `${recipe.name}.pb`), picture: join(folder, `${recipe.name}.svg`) };
  await mkdir(folder, { recursive: true });
  await writeFile(files.graph, explanation.graphDef);
  await writeFile(files.picture, drawStep(recipe.name, explanation));
  return files;
}
