import { access, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { AnnealError } from "@anneal/contracts";
import { recipeTemplate } from "@anneal/recipes";
import type { Command } from "commander";
import { makeDirectory, repositoryPath } from "../home.ts";
import type { CommandResult } from "../output.ts";
import { type CommonOptions, defineCommand, finish } from "./define.ts";

export function initCommand(): Command {
  return defineCommand(
    "init [file]",
    "Write a commented recipe to start from, and a tsconfig.json so that editors understand it",
    `anneal init                  # ./recipe.ts
anneal init digits/cnn.ts && anneal train digits/cnn.ts`,
  ).action((file: string | undefined, options: CommonOptions) => finish(options, init(resolve(file ?? "recipe.ts"))));
}

async function init(recipe: string): Promise<CommandResult> {
  const config = join(dirname(recipe), "tsconfig.json");
  if (await exists(recipe)) {
    throw new AnnealError(
      "USAGE",
      `${recipe} exists; it is not overwritten.`,
      "Give another file: anneal init other.ts",
      {
        path: recipe,
      },
    );
  }
  await write(recipe, await recipeTemplate());
  const hasConfig = await exists(config);
  if (!hasConfig) await write(config, `${JSON.stringify(editorConfig(), null, 2)}\n`);
  const files = hasConfig ? [recipe] : [recipe, config];
  const next = `Train it: anneal train ${recipe}`;
  return { document: { files }, text: [...files.map((path) => `wrote ${path}`), next].join("\n") };
}

/**
 * For editors only: at run time the same imports are resolved by the trainer. Nothing is installed beside the recipe,
 * so the types are found in this repository.
 */
function editorConfig(): unknown {
  const packages = (name: string): string[] => [repositoryPath("libs", "anneal", "node_modules", name)];
  return {
    compilerOptions: {
      target: "es2024",
      lib: ["es2024", "esnext.disposable"],
      module: "nodenext",
      moduleResolution: "nodenext",
      moduleDetection: "force",
      noEmit: true,
      strict: true,
      skipLibCheck: true,
      erasableSyntaxOnly: true,
      allowImportingTsExtensions: true,
      typeRoots: [repositoryPath("node_modules", "@types")],
      types: ["node"],
      paths: {
        anneal: [repositoryPath("libs", "anneal", "src", "index.ts")],
        zod: packages("zod"),
        "@tensorflow/tfjs": packages("@tensorflow/tfjs"),
      },
    },
    include: ["**/*.ts"],
  };
}

async function write(path: string, text: string): Promise<void> {
  try {
    makeDirectory(dirname(path));
    await writeFile(path, text, { flag: "wx" });
  } catch (cause) {
    throw notWritten(path, cause);
  }
}

function notWritten(path: string, cause: unknown): AnnealError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new AnnealError(
    "USAGE",
    `${path} cannot be written: ${why}`,
    "Choose a folder that can be written.",
    { path },
    {
      cause,
    },
  );
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
